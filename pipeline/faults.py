"""What is wrong with a language model's answer, in words that the model can act on.

Each method returns the fault of one item; an empty text means that it has none.
"""

from pipeline.evidence import Evidence
from pipeline.highlights import HighlightBounds
from pipeline.llm_answers import ChapterStart, NamedOne, Passage, Point, QuotedText, Told
from pipeline.model import WordSpan
from pipeline.reading import covering
from pipeline.windows import Window

_SHORTEST_QUOTE = 4  # words


class Faults:
    """Holds answers against one transcript."""

    def __init__(self, evidence: Evidence, bounds: HighlightBounds) -> None:
        self.evidence = evidence
        self._reading = evidence.reading
        self._bounds = bounds

    def text(self, text: str, what: str) -> str:
        """A text that is not in the transcript's words must at least be about what is said in it."""
        fault = self.evidence.fault(text)
        return f"{what} “{text[:60]}”: {fault}" if fault else ""

    def point(self, window: Window, point: Point) -> str:
        if not window.holds(point.sentence):
            return f"point: there is no sentence {point.sentence} here"
        return self.text(point.text, "point")

    def chapter(self, window: Window, start: ChapterStart) -> str:
        if not window.holds(start.sentence):
            return f"chapter “{start.title}”: there is no sentence {start.sentence} here"
        return self.text(start.title, "chapter")

    def name(self, one: NamedOne) -> str:
        fault = self.evidence.name_fault(one.name)
        return f"name “{one.name}”: {fault}" if fault else ""

    def quote(self, one: QuotedText) -> str:
        words = self.evidence.place_of(one.text, one.sentence)
        if words is None:
            return f"quote “{one.text[:80]}”: it is not said in these words"
        short = words.end - words.first < _SHORTEST_QUOTE
        return f"quote “{one.text}”: it is too short to stand alone" if short else ""

    def keyword(self, one: str) -> str:
        return "" if self.evidence.is_said(one) else f"keyword “{one}”: it is not said"

    def told(self, one: Told) -> str:
        count = len(self._reading.sentences)
        if not one.sentences or not all(1 <= number <= count for number in one.sentences):
            return f"summary “{one.text[:60]}”: it names no sentence that exists"
        return self.text(one.text, "summary")

    def place(self, window: Window, one: Passage) -> str:
        """A passage that lies elsewhere, or nowhere, cannot be made to fit."""
        if window.holds(one.first) and window.holds(one.last) and one.first <= one.last:
            return ""
        return (
            f"highlight {one.first}-{one.last}: first and last must be sentences "
            f"{window.first} to {window.last}, in order"
        )

    def passage(self, window: Window, one: Passage) -> str:
        if fault := self.place(window, one):
            return fault
        which = f"highlight {one.first}-{one.last}"
        duration = self._reading.duration(self.words(one.first, one.last))
        low, high = self._bounds.shortest, self._bounds.longest
        if not low <= duration <= high:
            return f"{which}: it lasts {duration:.0f} s; choose {low:.0f} to {high:.0f} s"
        return self.text(one.title, f"{which}: title")

    def words(self, first: int, last: int) -> WordSpan:
        """The words of the sentences `first` to `last`, by their numbers."""
        return covering(self._reading.sentences[first - 1 : last])
