"""How often a task was tried, and when it may be tried again."""

import random
import time
from collections.abc import Collection

from pipeline.model import Seconds
from workbench.jobs import Outcome

MAX_ATTEMPTS = 3
_AFTER: Seconds = 1.0
"""Wait before the second attempt; doubled for each further one, and up to half as long again by chance."""


class Retries:
    """The tasks whose last attempt failed, by their key."""

    def __init__(self) -> None:
        self._tries: dict[str, int] = {}
        self._not_before: dict[str, tuple[float, str]] = {}

    def failed(self, key: str, outcome: Outcome) -> tuple[int, bool]:
        """An attempt has failed: the number of attempts so far, and whether there will be another."""
        tries = self._tries[key] = self._tries.get(key, 0) + 1
        again = outcome.transient and tries < MAX_ATTEMPTS
        if again:
            wait = _AFTER * 2 ** (tries - 1) * (1 + random.random() / 2)
            self._not_before[key] = time.monotonic() + wait, outcome.failure or ""
        else:
            self.forget(key)
        return tries, again

    def forget(self, key: str) -> None:
        """A later request for the same work starts with a clean sheet."""
        self._tries.pop(key, None)
        self._not_before.pop(key, None)

    def rests(self, key: str) -> bool:
        """Whether it is too early for the next attempt."""
        return self._not_before.get(key, (0.0, ""))[0] > time.monotonic()

    def next(self, keys: Collection[str]) -> str | None:
        """When the next attempt at one of `keys` comes, and why, in words; None when none is waited for."""
        times = [self._not_before[key] for key in keys if key in self._not_before]
        if times and (wait := min(times)[0] - time.monotonic()) > 0:
            return f"trying again in {wait:.0f} s, after: {min(times)[1]}"
        return None
