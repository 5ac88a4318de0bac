"""Schedules and maintenance windows that are changed while the workbench runs."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from workbench.errors import BadSetting, NotAllowed, NotFound
from workbench.jobs import now
from workbench.rules import rules_of
from workbench.settings import FILE, Settings, load_settings
from workbench.store import Store
from workbench.timetable import Timetable

NIGHTLY, WEEKDAYS = "0 2 * * * process clipped", "Mon-Fri 08:00-18:00"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "db")
    yield store
    store.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / FILE).write_text('timezone = "Europe/Berlin"\n')
    return load_settings(library=tmp_path)


@pytest.fixture
def timetable(settings: Settings, store: Store) -> Timetable:
    return Timetable(settings, rules_of(settings), store.database)


def test_what_is_added_counts_now_and_after_a_restart(timetable: Timetable, settings: Settings):
    timetable.add("schedules", f"  {NIGHTLY.replace(' process', '   process')}")
    timetable.add("maintenance_windows", WEEKDAYS)
    assert [each.text for each in timetable.schedules()] == [NIGHTLY]
    assert [each.text for each in timetable.windows()] == [WEEKDAYS]
    later = load_settings(library=settings.library)
    assert (later.schedules, later.maintenance_windows) == ((NIGHTLY,), (WEEKDAYS,))
    assert later.timezone == "Europe/Berlin"


def test_what_is_removed_does_not_count_any_more(timetable: Timetable, settings: Settings):
    timetable.add("schedules", NIGHTLY)
    timetable.remove("schedules", NIGHTLY)
    assert timetable.schedules() == []
    assert load_settings(library=settings.library).schedules == ()
    with pytest.raises(NotFound):
        timetable.remove("schedules", NIGHTLY)


def test_a_window_that_is_open_now_holds_work_back_at_once(settings: Settings, store: Store):
    rules = rules_of(settings)
    timetable = Timetable(settings, rules, store.database)
    assert rules.pause() is None
    timetable.add("maintenance_windows", "daily 00:00-12:00")
    timetable.add("maintenance_windows", "Mon-Sat 12:00-24:00")
    timetable.add("maintenance_windows", "Sun 12:00-23:58")
    assert "maintenance window until" in (rules.pause() or "") or now().minute >= 58
    for text in list(timetable.settings.maintenance_windows):
        timetable.remove("maintenance_windows", text)
    assert rules.pause() is None


def test_a_schedule_that_comes_back_has_missed_nothing(timetable: Timetable, store: Store):
    long_ago = {"schedule": NIGHTLY, "at": now() - timedelta(days=30)}
    store.database.write(lambda query: query("save_schedule_run", long_ago))
    timetable.add("schedules", NIGHTLY)
    (row,) = store.database.read("schedule_runs")
    (schedule,) = timetable.schedules()
    zone = rules_of(timetable.settings).zone
    assert not schedule.due(row["at_utc"], row["at_utc"] + timedelta(seconds=1), zone)
    assert row["at_utc"] > now() - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("schedules", "61 2 * * * process"),
        ("schedules", "0 2 * * * process; 0 3 * * * process"),
        ("maintenance_windows", "Mon-Fri 8-18"),
        ("maintenance_windows", "daily 00:00-24:00"),
    ],
)
def test_what_cannot_be_read_or_leaves_no_time_changes_nothing(timetable: Timetable, kind, text: str):
    before = (timetable.settings.library / FILE).read_text()
    with pytest.raises(BadSetting):
        timetable.add(kind, text)
    assert (timetable.settings.library / FILE).read_text() == before
    assert timetable.schedules() == []


def test_the_same_twice_is_refused(timetable: Timetable):
    timetable.add("schedules", NIGHTLY)
    with pytest.raises(NotAllowed, match="there already"):
        timetable.add("schedules", NIGHTLY)


def test_what_a_variable_sets_cannot_be_changed_and_it_is_named(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WORKBENCH_SCHEDULES", NIGHTLY)
    by_variable = load_settings(library=settings.library)
    timetable = Timetable(by_variable, rules_of(by_variable), store.database)
    with pytest.raises(NotAllowed, match="WORKBENCH_SCHEDULES"):
        timetable.add("schedules", "@daily discover")
    timetable.add("maintenance_windows", WEEKDAYS)  # which it does not set


def test_what_a_flag_has_set_or_the_file_says_otherwise_by_now_cannot_be_changed(
    settings: Settings, store: Store
):
    by_flag = load_settings(library=settings.library, schedules=NIGHTLY)
    timetable = Timetable(by_flag, rules_of(by_flag), store.database)
    with pytest.raises(NotAllowed, match="start the server again"):
        timetable.remove("schedules", NIGHTLY)
    assert [each.text for each in timetable.schedules()] == [NIGHTLY]


def test_when_it_runs_and_is_open_next_is_said_with_its_time_zone(timetable: Timetable):
    assert timetable.next_run("30 2 * * * process").endswith("02:30 (Europe/Berlin)")
    said = timetable.next_window("Sun 03:00-04:00")
    assert said.startswith(("from ", "now, to "))
    assert said.endswith("04:00 (Europe/Berlin)")
