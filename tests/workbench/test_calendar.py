from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import StageName
from workbench.calendar import Schedule, Verb, Window, closings, open_at, spoken, windows
from workbench.errors import BadSetting

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = (2026, 3, 29), (2026, 10, 25)  # at 2:00 the clocks go to 3:00; at 3:00 they go back to 2:00
MONDAY = (2026, 11, 23)

moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))
zones = st.sampled_from(
    [
        ZoneInfo(name)
        for name in ("UTC", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata")
    ]
)
fields = st.sampled_from(["*", "*/7", "0", "2", "1-3", "2,4"])
crons = st.tuples(fields, fields, *[st.sampled_from(["*", "2", "1,3"])] * 3).map(" ".join)
minutes = st.integers(0, 24 * 60 - 1)
days = st.sampled_from(["daily", "Mon-Fri", "Sat,Sun", "Fri-Mon", "Wed", "Mon,Wed-Thu"])


def berlin(day: tuple[int, int, int], hour: int, minute: int = 0, fold: int = 0) -> datetime:
    """In UTC: an hour that comes twice is never equal to a moment of another zone."""
    return datetime(*day, hour, minute, tzinfo=BERLIN, fold=fold).astimezone(UTC)


def nightly(cron: str = "30 2 * * *") -> Schedule:
    return Schedule.parse(f"{cron} process")


def runs(schedule: Schedule, since: datetime, until: datetime) -> list[datetime]:
    """Every run in between, each found from the one before."""
    found = [schedule.next_after(since, BERLIN)]
    while found[-1] < until:
        found.append(schedule.next_after(found[-1], BERLIN))
    return found[:-1]


@st.composite
def some_windows(draw: st.DrawFn) -> Window:
    start, end = draw(st.lists(minutes, min_size=2, max_size=2, unique=True))
    hours = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    return Window.parse(f"{draw(days)} {hours}")


# -- schedules


@pytest.mark.parametrize(
    ("text", "cron", "verb", "target"),
    [
        ("0 2 * * * process", "0 2 * * *", Verb.PROCESS, StageName.CLIPPED),
        ("*/5 * * * mon-fri process transcribed", "*/5 * * * mon-fri", Verb.PROCESS, StageName.TRANSCRIBED),
        ("  0 2,14 1 JAN *  Discover ", "0 2,14 1 JAN *", Verb.DISCOVER, None),
        ("@daily discover", "0 0 * * *", Verb.DISCOVER, None),
        ("@Hourly process Enriched", "0 * * * *", Verb.PROCESS, StageName.ENRICHED),
    ],
)
def test_a_schedule_is_five_fields_and_a_verb(text: str, cron: str, verb: Verb, target: StageName | None):
    assert Schedule.parse(text) == Schedule(text, cron, verb, target)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "fewer than five"),
        ("0 2 * *", "fewer than five"),
        ("@yearly process", "fewer than five"),
        ("61 2 * * * process", "minute"),
        ("0 2 * * process", "day-of-week"),
        ("0 0 30 2 * process", "day-of-month"),
        ("9" * 5000 + " 2 * * * process", "numbers that long"),
        ("0 2 * * *", "what to do"),
        ("0 2 * * * render", "what to do"),
        ("0 2 * * * process clips", "transcribed, enriched, rendered, clipped"),
        ("0 2 * * * process discovered", "`process`"),
        ("@daily discover clipped", "`discover`"),
        ("0 2 * * * process clipped now", "`process`"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_quoted_with_a_right_one(text: str, fault: str):
    with pytest.raises(BadSetting) as refused:
        Schedule.parse(text)
    sentence = str(refused.value)
    assert f'schedule "{text}"' in sentence
    assert fault in sentence
    assert '"0 2 * * * process' in sentence


@given(st.text("0123456789*/,-#LWMON @adilyhourpces", max_size=40))
def test_any_text_is_a_schedule_or_a_bad_setting(text: str):
    for tried in (text, f"{text} process"):
        try:
            schedule = Schedule.parse(tried)
        except BadSetting:
            continue
        assert schedule.next_after(datetime(2026, 1, 1, tzinfo=UTC), BERLIN) > datetime(
            2026, 1, 1, tzinfo=UTC
        )


def test_the_hours_of_a_schedule_are_those_of_the_zone():
    evening = datetime(2026, 11, 24, 22, tzinfo=UTC)
    assert nightly("0 2 * * *").next_after(evening, BERLIN) == datetime(2026, 11, 25, 1, tzinfo=UTC)
    assert nightly("0 2 * * *").next_after(evening, ZoneInfo("UTC")) == datetime(2026, 11, 25, 2, tzinfo=UTC)


@given(crons, moments, zones)
def test_the_next_run_is_later_and_in_utc(cron: str, moment: datetime, zone: ZoneInfo):
    first = nightly(cron).next_after(moment, zone)
    assert moment < first < nightly(cron).next_after(first, zone)
    assert first.tzinfo is UTC


def test_a_run_in_an_hour_that_is_left_out_happens_right_after_it():
    (run,) = runs(nightly(), berlin(SPRING, 0), berlin(SPRING, 23))
    assert run == berlin(SPRING, 3)


def test_a_run_in_an_hour_that_comes_twice_happens_once():
    (run,) = runs(nightly(), berlin(AUTUMN, 0), berlin(AUTUMN, 23))
    assert run == berlin(AUTUMN, 2, 30)
    in_the_second_hour = berlin(AUTUMN, 2, 10, fold=1)
    assert nightly().next_after(in_the_second_hour, BERLIN) == berlin((2026, 10, 26), 2, 30)


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_an_hourly_run_happens_every_hour_of_a_day_on_which_the_clocks_change(
    day: tuple[int, int, int], hours: int
):
    found = runs(nightly("30 * * * *"), berlin(day, 0), berlin(day, 23, 59))
    assert len(found) == hours
    assert {later - run for run, later in pairwise(found)} == {timedelta(hours=1)}


def test_runs_that_were_missed_happen_once():
    schedule, now = nightly("0 2 * * *"), berlin((2026, 11, 24), 9)
    assert schedule.due(berlin((2026, 11, 14), 2), now, BERLIN)
    assert not schedule.due(now, now + timedelta(seconds=1), BERLIN)
    assert not schedule.due(now, berlin((2026, 11, 25), 1, 59), BERLIN)
    assert schedule.due(now, berlin((2026, 11, 25), 2), BERLIN)


def test_a_schedule_that_never_ran_waits_for_its_time():
    schedule = nightly("0 2 * * *")
    assert not schedule.due(None, berlin(MONDAY, 1, 59), BERLIN)
    assert schedule.due(None, berlin(MONDAY, 2), BERLIN)
    assert not schedule.due(None, berlin(MONDAY, 12), BERLIN)


def test_a_last_run_in_the_future_stops_no_schedule():
    assert nightly("0 2 * * *").due(berlin((2030, 1, 1), 2), berlin(MONDAY, 2), BERLIN)


@given(crons, moments, st.lists(st.integers(1, 5000), max_size=60))
def test_looking_every_now_and_then_runs_each_time_at_most_once(cron: str, start: datetime, waits: list[int]):
    schedule, last, times = nightly(cron), start, []
    now = start
    for wait in waits:
        now += timedelta(minutes=wait)
        if schedule.due(last, now, BERLIN):
            times.append(now)
            last = now
    due = {schedule.next_after(moment, BERLIN) for moment in [start, *times]}
    assert len(due) == len(times) + 1
    assert schedule.next_after(last, BERLIN) > now


# -- maintenance windows


@pytest.mark.parametrize(
    ("text", "day", "hour", "ends"),
    [
        ("Mon-Fri 08:00-18:00", MONDAY, 8, berlin(MONDAY, 18)),
        ("Mon-Fri 08:00-18:00", MONDAY, 18, None),
        ("mon-fri 8:00-18:00", (2026, 11, 21), 9, None),
        ("Sat,Sun 00:00-24:00", (2026, 11, 21), 9, berlin((2026, 11, 22), 0)),
        ("daily 23:00-06:00", MONDAY, 5, berlin(MONDAY, 6)),
        ("22:00-06:00", MONDAY, 22, berlin((2026, 11, 24), 6)),
        ("22:00-06:00", MONDAY, 12, None),
        ("Fri 22:00-06:00", (2026, 11, 21), 3, berlin((2026, 11, 21), 6)),
        ("Fri 22:00-06:00", (2026, 11, 20), 3, None),
        ("Fri-Mon 10:00-11:00", (2026, 11, 22), 10, berlin((2026, 11, 22), 11)),
        ("Monday,Wed-Thursday 10:00-11:00", (2026, 11, 25), 10, berlin((2026, 11, 25), 11)),
        ("Tue 10:00-11:00", MONDAY, 10, None),
    ],
)
def test_a_window_is_open_on_its_days_from_its_start_to_its_end(
    text: str, day: tuple[int, int, int], hour: int, ends: datetime | None
):
    assert Window.parse(text).ends_at(berlin(day, hour), BERLIN) == ends


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon-Fri",
        "Mon-Fri 08:00",
        "Mon Fri 08:00-18:00",
        "Mon-Wed-Fri 08:00-18:00",
        "Mo-Fr 08:00-18:00",
        "8-18",
        "08:00-24:01",
        "24:00-06:00",
        "08:60-18:00",
        "08:00-08:00",
        "00:00-00:00",
    ],
)
def test_a_window_that_cannot_be_read_is_quoted_with_a_right_one(text: str):
    with pytest.raises(BadSetting) as refused:
        Window.parse(text)
    assert f'"{text}"' in str(refused.value)
    assert "Mon-Fri 08:00-18:00" in str(refused.value)


@given(st.text("MonFriSatdaily0123456789:,- ", max_size=25))
def test_any_text_is_a_window_or_a_bad_setting(text: str):
    try:
        Window.parse(text).ends_at(berlin(MONDAY, 1), BERLIN)
    except BadSetting:
        assert text not in ("Mon 0:00-1:00", "daily 0:00-1:00")


def test_a_window_of_a_fixed_length_is_as_long_as_its_hours_really_are():
    def length(day: tuple[int, int, int]) -> timedelta:
        opens = berlin(day, 1)
        return (Window.parse("01:00-05:00").ends_at(opens, BERLIN) or opens) - opens

    assert [length(day).total_seconds() / 3600 for day in (MONDAY, SPRING, AUTUMN)] == [4, 3, 5]


def test_a_window_that_ends_in_an_hour_that_comes_twice_has_no_gap():
    window = Window.parse("01:00-02:30")
    end = berlin(AUTUMN, 2, 30, fold=1)
    for moment in (berlin(AUTUMN, 1), berlin(AUTUMN, 2, 45), berlin(AUTUMN, 2, 29, fold=1)):
        assert window.ends_at(moment, BERLIN) == end
    assert window.ends_at(end, BERLIN) is None


def test_hours_that_are_left_out_move_a_window_to_the_next_that_there_are():
    assert Window.parse("02:30-04:00").ends_at(berlin(SPRING, 3), BERLIN) == berlin(SPRING, 4)
    assert Window.parse("01:00-02:30").ends_at(berlin(SPRING, 1, 59), BERLIN) == berlin(SPRING, 3)
    assert Window.parse("02:10-02:50").ends_at(berlin(SPRING, 3), BERLIN) is None


def test_windows_that_touch_or_overlap_are_one_time_of_maintenance():
    joined = windows(["Mon-Fri 22:00-24:00", "Tue-Sat 00:00-06:00", "daily 05:00-07:30"])
    assert open_at(joined, berlin(MONDAY, 23), BERLIN) == berlin((2026, 11, 24), 7, 30)
    assert open_at(joined, berlin(MONDAY, 12), BERLIN) is None
    assert open_at((), berlin(MONDAY, 12), BERLIN) is None


def test_windows_that_leave_no_time_for_work_are_refused():
    with pytest.raises(BadSetting, match='"Mon-Fri 00:00-24:00; Sat,Sun 00:00-24:00" leave no time'):
        windows(["Mon-Fri 00:00-24:00", "Sat,Sun 00:00-24:00"])
    never = [Window.parse("daily 00:00-24:00")]
    assert (open_at(never, berlin(MONDAY, 0), BERLIN) or berlin(MONDAY, 0)) >= berlin((2026, 11, 30), 0)


@given(st.lists(some_windows(), max_size=4), moments, zones)
def test_what_is_open_is_open_up_to_its_end_and_not_at_it(
    listed: list[Window], moment: datetime, zone: ZoneInfo
):
    end = open_at(listed, moment, zone)
    if end is None:
        assert all(window.ends_at(moment, zone) is None for window in listed)
        return
    assert end > moment
    if end < moment + timedelta(days=7):  # or they may leave no gap at all
        assert open_at(listed, end - timedelta(microseconds=1), zone) == end
        assert open_at(listed, end, zone) is None


def test_the_next_closings_start_with_the_one_that_is_open():
    listed = [Window.parse("Mon-Fri 08:00-18:00"), Window.parse("Mon 17:00-20:00")]
    found = closings(listed, berlin(MONDAY, 12), BERLIN, timedelta(days=2))
    tuesday, wednesday = (2026, 11, 24), (2026, 11, 25)
    assert found == (
        (berlin(MONDAY, 12), berlin(MONDAY, 20)),
        (berlin(tuesday, 8), berlin(tuesday, 18)),
        (berlin(wednesday, 8), berlin(wednesday, 18)),
    )
    assert closings([], berlin(MONDAY, 12), BERLIN) == ()


@given(st.lists(some_windows(), max_size=3), moments, zones, st.integers(0, 3 * 24 * 60))
def test_a_moment_is_closed_if_a_closing_holds_it(
    listed: list[Window], moment: datetime, zone: ZoneInfo, later: int
):
    then = moment + timedelta(minutes=later)
    held = any(start <= then < end for start, end in closings(listed, moment, zone, timedelta(days=4)))
    assert held == (open_at(listed, then, zone) is not None)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (berlin(MONDAY, 18), "18:00"),
        (berlin((2026, 11, 24), 6), "Tue 06:00"),
        (berlin((2026, 11, 30), 6), "2026-11-30 06:00"),
    ],
)
def test_a_moment_is_said_as_short_as_it_can_be(moment: datetime, said: str):
    assert spoken(moment, berlin(MONDAY, 12), BERLIN) == said
