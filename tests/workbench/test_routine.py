"""What a server does by itself, by a clock that the tests set."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline.model import StageName
from workbench.calendar import Schedule
from workbench.errors import LibraryBroken, NotAllowed
from workbench.jobs import now
from workbench.routine import Routine
from workbench.store import Store

NIGHTLY = Schedule.parse("0 2 * * * process rendered")
NIGHT = datetime(2099, 1, 5, 2, 0, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "db")
    yield store
    store.close()


def _routine(
    store: Store,
    started: list[StageName | None],
    fault: Exception | None = None,
    clean_up: Callable[[], object] = list,
) -> Routine:
    def start(stage: StageName | None) -> None:
        started.append(stage)
        if fault:
            raise fault

    return Routine(store.database, lambda: [NIGHTLY], ZoneInfo("UTC"), start, clean_up)


def test_a_schedule_starts_once_at_its_time_and_again_the_next_night(store: Store):
    started: list[StageName | None] = []
    routine = _routine(store, started)
    for hours in (0, 0.01, 1, 23, 24, 24.1):
        routine.look(NIGHT + timedelta(hours=hours))
    routine.close()
    assert started == [StageName.RENDERED] * 2


def test_runs_that_were_missed_are_made_up_for_once_by_the_next_process(store: Store):
    started: list[StageName | None] = []
    routine = _routine(store, started)
    routine.look(NIGHT)
    routine.close()
    later = _routine(store, started)
    later.look(NIGHT + timedelta(days=5, hours=9))
    later.look(NIGHT + timedelta(days=5, hours=10))
    later.close()
    assert len(started) == 2


def test_the_first_run_of_all_is_made_up_for_when_the_machine_sleeps_through_it(store: Store):
    moment = now()
    at = moment + timedelta(hours=3)
    soon = Schedule.parse(f"{at.minute} {at.hour} * * * process rendered")
    started: list[StageName | None] = []
    for hours in (0, 9, 10):
        routine = Routine(store.database, lambda: [soon], ZoneInfo("UTC"), started.append, list)
        routine.look(moment + timedelta(hours=hours))
        routine.close()
    assert started == [StageName.RENDERED]


def test_a_schedule_that_is_gone_is_forgotten(store: Store):
    schedules = [NIGHTLY]
    routine = Routine(store.database, lambda: schedules, ZoneInfo("UTC"), lambda _: None, list)
    routine.look(NIGHT)
    assert [row["schedule"] for row in store.database.read("schedule_runs")] == [NIGHTLY.text]
    schedules.clear()
    routine.look(NIGHT + timedelta(hours=1))
    routine.close()
    assert store.database.read("schedule_runs") == []


def test_a_schedule_that_cannot_start_is_in_the_audit_with_the_reason(store: Store):
    routine = _routine(store, [], LibraryBroken("the disk is full"))
    routine.look(NIGHT)
    routine.close()
    (line,) = store.database.read("audit", {"limit": 5})
    assert (line["who"], line["what"]) == ("schedule", "0 2 * * * process rendered: the disk is full")


def test_cleaning_up_waits_for_a_quiet_moment_and_then_for_hours(store: Store):
    asked: list[bool] = []

    def clean_up() -> None:
        asked.append(len(asked) < 2)
        if asked[-1]:
            raise NotAllowed("a job is running")

    routine = _routine(store, [], clean_up=clean_up)
    routine.close()  # its own look was the first: the job runs
    for minutes in (0, 5, 11, 300):
        routine.look(NIGHT + timedelta(minutes=minutes))
    assert asked == [True, True, False]
    routine.look(NIGHT + timedelta(hours=9))
    assert len(asked) == 4
