"""Search in what was said: an index of every sentence, which finds out by itself what it lacks.

Nothing has to tell it of a new transcript or a corrected word: it keeps of what each episode's sentences were
made, and makes those anew that were made of something else. A server does so all the time; without one, the
next search does.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from pipeline.errors import PipelineError
from pipeline.model import Seconds, Transcript
from workbench.database import Database, Query, Row
from workbench.errors import LibraryBroken, WorkbenchError
from workbench.moments import Matches, Moment, Term, composed, folded, terms_of

_LOG = logging.getLogger(__name__)
type Listen = Callable[[Callable[[], None]], Callable[[], None]]
"""Has something called after each change; returns how to stop that."""

_PATIENCE: Seconds = 0.5  # for which a search in a server reads what has just changed
_PAUSE: Seconds = 5.0  # whoever corrects words makes many changes
_BREATH: Seconds = 0.05  # between two transcripts, for whoever waits for an answer
_FIRST = 40  # transcripts that are looked through at once, and four times as many each time after


class Search:
    """The sentences of a library's transcripts; safe in threads."""

    def __init__(
        self, database: Database, transcript: Callable[[str], Transcript], changes: Sequence[Listen]
    ) -> None:
        """`transcript` gives an episode's as it is to be found; `changes` tell that one may have changed."""
        self._database = database
        self._transcript = transcript
        self._changes = changes
        self._unreadable: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._wake, self._end = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._stops: list[Callable[[], None]] = []
        self.revision = 0
        """Grows when something else may be found from now on."""

    def __call__(self, text: str, limit: int = 50) -> Matches:
        """The first `limit` sentences that hold every word of `text`, in any order, and what is in quotes.

        Case and accents do not matter. Nothing is found for a text without a word.
        """
        if not (terms := terms_of(text)):
            return Matches()
        unread = self._read_up()
        found = self._found(terms, limit + 1)
        return Matches(moments=tuple(found[:limit]), more=len(found) > limit, unread=unread)

    def start(self) -> None:
        """From now on take in by itself what changes."""
        self._stops = [listen(self._wake.set) for listen in self._changes]
        self._thread = threading.Thread(target=self._run, name="search-index", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop that; closing twice is no error."""
        for stop in self._stops:
            stop()
        self._end.set()
        self._wake.set()
        if self._thread:
            self._thread.join()

    def put(self, episode_id: str, transcript: Transcript, mark: str) -> None:
        """Take the sentences of `transcript` in for those there were; `mark` tells it from any other one."""
        texts = [composed(transcript.text(each.words)) for each in transcript.sentences]
        plain = [folded(text) for text in texts]
        row = {"episode_id": episode_id, "mark": mark, "words": _vocabulary(plain)}
        rows = {
            "episode_id": episode_id,
            "starts": [transcript.span(each.words).start for each in transcript.sentences],
            "speakers": [each.speaker for each in transcript.sentences],
            "texts": texts,
            "folded": plain,
        }

        def put(query: Query) -> None:
            query("forget_spoken", {"episode_id": episode_id})
            query("save_spoken_of", row)
            query("save_spoken", rows)

        self._database.write(put)
        self.revision += 1

    def _run(self) -> None:
        while not self._end.is_set():
            self._wake.clear()
            try:
                while not self._end.is_set() and self._read_one():
                    self._end.wait(_BREATH)
            except LibraryBroken:
                pass  # it is being closed
            except Exception:  # noqa: BLE001 - the next look may go well
                _LOG.exception("what was said could not be taken into the index")
            self._wake.wait()
            self._end.wait(_PAUSE)

    def _read_up(self) -> int:
        """Take in what has changed, in a server only for a moment; how many episodes are left then."""
        until = time.monotonic() + _PATIENCE if self._thread else float("inf")
        while self._read_one():
            if time.monotonic() >= until:
                return len(self._stale())
        return 0

    def _read_one(self) -> bool:
        """Take in the newest episode that the index does not have as it is; whether there was one."""
        with self._lock:
            if not (stale := self._stale()):
                self._forget()
                return False
            episode_id, mark = stale[0]
            try:
                self.put(episode_id, self._transcript(episode_id), mark)
            except (WorkbenchError, PipelineError, OSError, ValueError) as error:
                if isinstance(error, LibraryBroken):
                    raise
                _LOG.warning("what is said in episode %s cannot be searched: %s", episode_id, error)
                self._unreadable.add((episode_id, mark))
            return True

    def _stale(self) -> list[tuple[str, str]]:
        """Episodes that the index does not have as they are, newest first, each with its mark."""
        rows = [(row["episode_id"], row["mark"]) for row in self._database.read("stale_spoken")]
        return [each for each in rows if each not in self._unreadable]

    def _forget(self) -> None:
        for row in self._database.read("gone_spoken"):

            def forget(query: Query, which: Row = row) -> None:
                query("forget_spoken", which)
                query("forget_spoken_of", which)

            self._database.write(forget)
            self.revision += 1

    def _found(self, terms: Sequence[Term], most: int) -> list[Moment]:
        """Sentences with whole words before others; in each part the newest episode's first."""
        needles, whole = [term.needle for term in terms], [term.whole for term in terms]
        there = self._database.read("spoken_in", {"parts": _alone(needles), "whole": _alone(whole)})
        values = {"needles": needles, "whole": whole, "longest": max(needles, key=len), "limit": most}

        def said(as_whole: bool, enough: int) -> list[Row]:
            numbers = [row["number"] for row in there if row["whole"] is as_whole]
            return self._said(numbers, values, lambda row: row["whole"] is as_whole, enough)

        found = said(True, most)
        found += said(False, most - sum(row["whole"] for row in found))
        found.sort(key=_place)
        fields = Moment.model_fields
        return [Moment(**{name: row[name] for name in fields}) for row in found[:most]]

    def _said(
        self, numbers: Sequence[int], values: Row, counts: Callable[[Row], bool], enough: int
    ) -> list[Row]:
        """Sentences of these transcripts; no more are looked through when `enough` that count are found."""
        found: list[Row] = []
        size = _FIRST
        while numbers and sum(map(counts, found)) < enough:
            found += self._database.read("said", values | {"numbers": list(numbers[:size])})
            numbers, size = numbers[size:], 4 * size
        return found


def _place(row: Row) -> tuple[bool, float, str, Seconds]:
    """Where a sentence stands among those that were found."""
    return not row["whole"], -row["created_at"].timestamp(), row["episode_id"], row["start"]


def _vocabulary(plain: Sequence[str]) -> str:
    """Each word of the sentences once, in the form that they have."""
    return f" {' '.join(sorted({word for text in plain for word in text.split()}))} "


def _alone(needles: Sequence[str]) -> list[str]:
    """What a vocabulary has to hold for its sentences to hold `needles`: their words one by one."""
    made = []
    for needle in needles:
        words = needle.split()
        for place, word in enumerate(words):
            before = place > 0 or needle[0] == " "
            after = place < len(words) - 1 or needle[-1] == " "
            made.append(" " * before + word + " " * after)
    return made
