"""How often a task was tried, and when it may be tried again."""

import random
import time
from collections import Counter
from collections.abc import Collection
from math import inf

from pipeline.errors import RateLimited
from pipeline.model import Seconds
from workbench.jobs import LOST, UNREACHED, Outcome

MAX_ATTEMPTS = 3
_AFTER: Seconds = 1.0
"""Wait before the second attempt; doubled for each further one, and up to half as long again by chance."""
_RATE_LIMITED = RateLimited.__name__
_MOST = {"": MAX_ATTEMPTS, LOST: 6, _RATE_LIMITED: 8, UNREACHED: inf}
"""Attempts that may end in each way, counted by themselves: a worker is lost through its machine's fault more
often than through its task's, and a scheduler never through it."""
_LIMITED_AFTER: Seconds = 5.0
_LONGEST: Seconds = 60.0


class Retries:
    """The tasks whose last attempt failed, by their key."""

    def __init__(self) -> None:
        self._tries: dict[str, Counter[str]] = {}
        self._not_before: dict[str, tuple[float, str]] = {}

    def failed(self, key: str, outcome: Outcome) -> tuple[int, bool]:
        """An attempt has failed: the number of attempts so far, and whether there will be another."""
        kind = outcome.kind if outcome.kind in _MOST else ""
        tries = self._tries.setdefault(key, Counter())
        tries[kind] += 1
        again = outcome.transient and tries[kind] < _MOST[kind]
        limited = kind == _RATE_LIMITED
        if again:
            times = 0 if kind == UNREACHED else tries[kind] - 1  # it may be away for hours
            wait = min(_LONGEST, (_LIMITED_AFTER if limited else _AFTER) * 2**times)
            wait *= 1 + random.random() / 2
            cause = "LLM rate limit" if limited else f"after: {outcome.failure}"
            self._not_before[key] = time.monotonic() + wait, cause
        else:
            self.forget(key)
        return tries.total() - tries[UNREACHED], again

    def forget(self, key: str) -> None:
        """A later request for the same work starts with a clean sheet."""
        self._tries.pop(key, None)
        self._not_before.pop(key, None)

    def keep(self, keys: Collection[str]) -> None:
        """Forget all but these, which are still wanted."""
        for key in self._tries.keys() - keys:
            self.forget(key)

    def rests(self, key: str) -> bool:
        """Whether it is too early for the next attempt."""
        return self._not_before.get(key, (0.0, ""))[0] > time.monotonic()

    def rest(self, keys: Collection[str]) -> Seconds:
        """How long it is until the next attempt at one of `keys`; 0 when none is waited for."""
        return max(0.0, self._next(keys)[0] - time.monotonic())

    def next(self, keys: Collection[str]) -> str | None:
        """When the next attempt at one of `keys` comes, and why, in words; None when none is waited for."""
        wait, cause = self.rest(keys), self._next(keys)[1]
        return f"trying again in {max(1, round(wait))} s, {cause}" if wait else None

    def _next(self, keys: Collection[str]) -> tuple[float, str]:
        return min((self._not_before[key] for key in keys if key in self._not_before), default=(0.0, ""))
