"""Is it in the transcript? What a language model says is held against what was said.

`Evidence` answers for one transcript and the metadata beside it. A check returns what is wrong in words
that the model can act on; an empty answer means that nothing is.
"""

import re
from functools import cached_property

from pipeline.model import Metadata, WordSpan
from pipeline.reading import Reading, squashed, stem_of

_SHARE_SAID = 0.5  # of a text's meaningful words: the other half may be paraphrase
_WORDS = re.compile(r"\w+(?:['’]\w+)*")
_NO_SPACES = {"zh", "ja", "th", "lo", "my", "km", "yue"}
_SMALL_NUMBER = 12  # up to here a number may be counted by the writer rather than said


class Evidence:
    """What was said, and what may therefore be claimed."""

    def __init__(self, reading: Reading, metadata: Metadata) -> None:
        self.reading = reading
        self._language = reading.transcript.language
        beside = (metadata.title or "", metadata.show or "", *metadata.guests, *metadata.vocabulary)
        self._beside = " ".join(beside)

    def fault(self, text: str) -> str:
        """Why `text` cannot have come from this transcript; empty when it can."""
        if self._language in _NO_SPACES:
            return "" if self._share_of_characters(text) >= _SHARE_SAID else "little of it is said"
        invented = self._invented_numbers(text) or self._invented_names(text)
        if invented:
            return f"“{invented}” is not in the transcript"
        stems = {stem for word in _WORDS.findall(text) if (stem := stem_of(word, self._language))}
        share = len(stems & self._stems) / len(stems) if stems else 0.0
        return "" if share >= _SHARE_SAID else "little of it is said in the transcript"

    def place_of(self, text: str, sentence: int) -> WordSpan | None:
        """Where `text` is said word for word, nearest to sentence number `sentence`; None when nowhere."""
        places = self.reading.find(text)
        sentences = self.reading.sentences
        near = sentences[min(max(sentence - 1, 0), len(sentences) - 1)].first
        return min(places, key=lambda span: abs(span.first - near), default=None)

    def name_fault(self, name: str) -> str:
        """Why `name` cannot be taken as a name; empty when it can."""
        places = self.reading.find(name)
        if not places:
            return "it is not in the transcript"
        words = self.reading.transcript.words
        if not any(self.reading.stems[i] for i in range(places[0].first, places[0].end)):
            return "it is not a name"
        has_case = name.upper() != name.lower()
        written = any(words[span.first].text.lstrip("\"'“‘(")[:1].isupper() for span in places)
        return "it is not written as a name" if has_case and not written else ""

    def is_said(self, phrase: str) -> bool:
        """Whether the words of `phrase` follow each other in the transcript, endings apart."""
        if self.reading.find(phrase):
            return True
        wanted = [stem for word in phrase.split() if (stem := stem_of(word, self._language))]
        spoken = self._content
        return bool(wanted) and any(
            spoken[i : i + len(wanted)] == wanted for i, stem in enumerate(spoken) if stem == wanted[0]
        )

    @cached_property
    def _content(self) -> list[str]:
        return [stem for stem in self.reading.stems if stem]

    @cached_property
    def _stems(self) -> frozenset[str]:
        beside = (stem_of(word, self._language) for word in _WORDS.findall(self._beside))
        return frozenset([*self._content, *beside])

    @cached_property
    def _known(self) -> frozenset[str]:
        """Every word that is said or written beside the recording, and the parts of hyphenated ones."""
        said = " ".join(word.text for word in self.reading.transcript.words)
        return frozenset(squashed(word) for word in _WORDS.findall(f"{said} {self._beside}"))

    @cached_property
    def _characters(self) -> frozenset[str]:
        return frozenset(squashed(self.reading.transcript.text() + self._beside))

    def _share_of_characters(self, text: str) -> float:
        own = squashed(text)
        return sum(one in self._characters for one in own) / len(own) if own else 0.0

    def _invented_numbers(self, text: str) -> str:
        digits = "".join(word.text + " " for word in self.reading.transcript.words) + self._beside
        said = set(re.findall(r"\d+", digits))
        claimed = re.findall(r"\d+", text)
        return next((n for n in claimed if n not in said and int(n) > _SMALL_NUMBER), "")

    def _invented_names(self, text: str) -> str:
        """A capitalised word, not at a sentence's start, that nobody said."""
        if self._language == "de":  # every noun has a capital, and a paraphrase has other nouns
            return ""
        inner = re.findall(r"(?<![.!?…:]\s)(?<=\s)[\"“‘'(]?([A-ZÀ-ÖØ-ÞА-ЯΑ-Ω]\w+)", text)
        is_headline = len(inner) > 0.6 * max(1, len(text.split()) - 1)
        if is_headline:  # Every Word Has One There
            return ""
        return next((word for word in inner if not self._is_known(word)), "")

    def _is_known(self, word: str) -> bool:
        own = squashed(word)
        return own in self._known or stem_of(word, self._language) in self._stems
