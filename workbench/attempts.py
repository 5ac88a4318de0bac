"""The attempts at tasks that are under way, and the cluster that does them."""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.model import Share, StageName
from pipeline.task import Task
from workbench.jobs import Outcome
from workbench.library import Library
from workbench.rules import Rules

if TYPE_CHECKING:
    from workbench.runner import Cluster

type Connect = Callable[[Callable[[str, Share], None], Callable[[Outcome], None]], "Cluster"]
"""Makes the cluster, with whom to tell of progress and of an end, when the first task needs it."""


@dataclass
class Attempt:
    """A try of a task that is under way."""

    task: Task
    folder: Path
    share: Share = 0.0
    started: float = field(default_factory=time.monotonic)


class Attempts:
    """What runs now; for the dispatcher's thread, but for its properties."""

    def __init__(
        self,
        library: Library,
        connect: Connect,
        rules: Rules,
        api_key: str | None,
        on_progress: Callable[[str, Share], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        """`on_progress` and `on_end` are told from any thread, and may not call back."""
        self._library = library
        self._connect = connect
        self._rules = rules
        self._api_key = api_key
        self._on_progress = on_progress
        self._on_end = on_end
        self._cluster: Cluster | None = None
        self._under_way: dict[str, Attempt] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def slots(self) -> int:
        """How many can be under way at once; 0 while there is no cluster."""
        return self._cluster.slots if self._cluster else 0

    @property
    def waits_for(self) -> str | None:
        """What keeps every task from starting, in words; None when nothing does."""
        return self._cluster.waits_for if self._cluster else None

    def at(self, keys: Collection[str]) -> list[Attempt]:
        """Those at the tasks with these keys."""
        return [attempt for attempt in self._under_way.values() if attempt.task.key in keys]

    def is_at_limit(self, stage: StageName) -> bool:
        """Whether as many tasks of a stage run as may."""
        limit = self._rules.limits.get(stage)
        running = sum(attempt.task.stage is stage for attempt in self._under_way.values())
        return limit is not None and running >= limit

    def start(self, tasks: Iterable[Task]) -> None:
        """Start those of `tasks` that are not under way, as long as there is a slot and no limit is met."""
        known = {attempt.task.key for attempt in self._under_way.values()}
        for task in tasks:
            if task.key in known:
                continue
            if self.is_at_limit(task.stage):
                return
            if not self._cluster:
                self._cluster = self._connect(self._on_progress, self._on_end)
            if len(self) >= self._cluster.slots:
                return
            self._start(task, self._cluster)

    def heard(self, name: str, share: Share) -> None:
        """An attempt has come as far as `share`; it never goes back."""
        if attempt := self._under_way.get(name):
            attempt.share = max(attempt.share, share)

    def ended(self, outcome: Outcome) -> tuple[Attempt, Outcome] | None:
        """Take out the attempt that has ended, its result into the library: it, and how it ended after all.

        None when nobody waits for it any more: it must not be published.
        """
        attempt = self._under_way.pop(outcome.attempt, None)
        if not attempt:
            return None
        if outcome.failure is None:
            outcome = self._published(attempt, outcome)
        if outcome.failure is not None:
            self._library.discard(attempt.folder)
        return attempt, outcome

    def stop_all_but(self, wanted: Collection[str]) -> None:
        """Stop those at tasks whose key is not `wanted`."""
        for name, attempt in list(self._under_way.items()):
            if attempt.task.key not in wanted:
                self._discard(name)
                if self._cluster:
                    self._cluster.stop(name)

    def close(self) -> None:
        """Stop all of them, and leave the cluster."""
        for name in list(self._under_way):
            self._discard(name)
        if self._cluster:
            self._cluster.close()

    def _start(self, task: Task, cluster: "Cluster") -> None:
        """One that cannot begin, or that the cluster does not take, has failed: it is tried again."""
        folder = self._library.attempt_at(task)
        self._under_way[folder.name] = Attempt(task, folder)
        api_key = self._api_key if task.stage is StageName.ENRICHED else None
        extra = {"threads": self._rules.threads, "api_key": api_key}
        try:
            folder.mkdir()
            cluster.start(task.model_copy(update=extra), folder)
        except Exception as error:  # noqa: BLE001 - whatever it is, an attempt without an end blocks its job
            reason = f"{task.name} could not be started: {error}"
            self._on_end(
                Outcome(attempt=folder.name, failure=reason, kind=type(error).__name__, transient=True)
            )

    def _published(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        try:
            self._library.publish(attempt.task, attempt.folder)
        except OSError as error:
            reason = f"{attempt.task.name}: the result cannot be put into the library: {error}"
            what = {"failure": reason, "kind": type(error).__name__, "transient": True}
            return outcome.model_copy(update=what)  # a virus scanner lets go of a file after a moment
        return outcome

    def _discard(self, name: str) -> None:
        self._library.discard(self._under_way.pop(name).folder)
