"""When things happen by themselves and when nothing may start: cron schedules and maintenance windows.

Pure functions of aware datetimes and a time zone. Texts are read in the local time of that zone, also on the
two days a year on which its clocks change; moments come back in UTC.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from pipeline.model import StageName
from workbench.errors import BadSetting

_ALIASES = {"@hourly": "0 * * * *", "@daily": "0 0 * * *"}
_TARGETS = tuple(StageName)[1:]
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FULL_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMBERS = {name.lower(): number for names in (_DAYS, _FULL_DAYS) for number, name in enumerate(names)}
_MINUTE, _DAY, _WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(days=7)
_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})", re.ASCII)
_SCHEDULE_EXAMPLE = 'use five cron fields and a verb, such as "0 2 * * * process", or "@daily discover"'
_WINDOW_EXAMPLE = 'use days and hours, such as "Mon-Fri 08:00-18:00", "Sat,Sun 00:00-24:00" or "22:00-06:00"'


class Verb(StrEnum):
    """What a schedule does."""

    DISCOVER = "discover"
    #: discover, and process what was found
    PROCESS = "process"


@dataclass(frozen=True)
class Schedule:
    """Something that is done again and again, such as "0 2 * * * process" (every night at two)."""

    text: str
    cron: str
    """Minute, hour, day of the month, month, day of the week."""
    verb: Verb
    target: StageName | None
    """How far `process` goes; None for `discover`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Five cron fields (or @hourly, @daily), then `discover` or `process [stage]`.

        Raises BadSetting.
        """
        words = text.split()
        size = 1 if words and words[0].lower() in _ALIASES else 5
        cron, rest = " ".join(words[:size]), [word.lower() for word in words[size:]]
        cron = _ALIASES.get(cron.lower(), cron)
        if fault := _fault(cron):
            raise BadSetting(f'schedule "{text}": {fault}; {_SCHEDULE_EXAMPLE}')
        if not rest or rest[0] not in list(Verb):
            raise BadSetting(f'schedule "{text}" does not say what to do; {_SCHEDULE_EXAMPLE}')
        verb, stages = Verb(rest[0]), rest[1:]
        if len(stages) > (verb is Verb.PROCESS) or not set(stages) <= set(_TARGETS):
            raise BadSetting(
                f'schedule "{text}" cannot be read after `{verb}`: use `discover`, or `process` with one of '
                f'{", ".join(_TARGETS)}, such as "0 2 * * * process clipped"'
            )
        target = StageName(stages[0]) if stages else StageName.CLIPPED
        return cls(text, cron, verb, target if verb is Verb.PROCESS else None)

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first run after `moment`, in UTC.

        When the clocks change, a run at a fixed time happens once: right after an hour that is left out,
        and the first time in an hour that comes twice. One with a `*` for its hour goes on every hour.
        """
        runs = (run.astimezone(UTC) for run in CronSim(self.cron, moment.astimezone(zone)))
        return next(run for run in runs if run > moment)

    def due(self, last: datetime | None, now: datetime, zone: ZoneInfo) -> bool:
        """Whether it has to run now, when it ran last at `last`.

        However many runs were missed, that is one run. Without a last run, or with one in the future (a
        clock was wrong), nothing was missed: it is due only within a minute of its time.
        """
        if last is None or last > now:
            last = now - _MINUTE
        return self.next_after(last, zone) <= now


@dataclass(frozen=True)
class Window:
    """A time of maintenance that comes back every week."""

    text: str
    days: frozenset[int]
    """On which it starts; 0 is Monday."""
    start: timedelta
    """From midnight, by the clock on the wall."""
    end: timedelta
    """From midnight of the same day: more than a day when it goes on over midnight."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Days (or `daily`, or none, for every day), then hours; over midnight when they end earlier.

        Raises BadSetting.
        """
        *names, hours = text.split() or [""]
        days = _days(names[0]) if names else frozenset(range(7))
        found = _HOURS.fullmatch(hours)
        if days is None or not found or len(names) > 1:
            raise BadSetting(f'maintenance window "{text}" cannot be read; {_WINDOW_EXAMPLE}')
        hour, minute, until_hour, until_minute = (int(group) for group in found.groups())
        start = timedelta(hours=hour, minutes=minute)
        end = timedelta(hours=until_hour, minutes=until_minute)
        if max(minute, until_minute) > 59 or start >= _DAY or end > _DAY or start == end:
            raise BadSetting(f'maintenance window "{text}" has hours that do not exist; {_WINDOW_EXAMPLE}')
        return cls(text, days, start, end if end > start else end + _DAY)

    def ends_at(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """When the window that is open at `moment` ends, in UTC; None when it is not open then."""
        today = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        for midnight in (today, today - _DAY):
            if midnight.weekday() in self.days:
                start, end = _first(midnight + self.start, zone), _last(midnight + self.end, zone)
                if start <= moment < end:
                    return end
        return None


def open_at(windows: Iterable[Window], moment: datetime, zone: ZoneInfo) -> datetime | None:
    """When the time of maintenance that holds `moment` ends, in UTC, however many windows it consists of.

    None when no window is open. Windows that leave no gap for a week count as ending then.
    """
    end, windows = moment, tuple(windows)
    while end < moment + _WEEK:
        later = max((until for window in windows if (until := window.ends_at(end, zone))), default=None)
        if later is None:
            break
        end = later
    return end.astimezone(UTC) if end > moment else None


def windows(texts: Sequence[str]) -> tuple[Window, ...]:
    """The windows that `texts` describe. Raises BadSetting, also when they leave no time for any work."""
    parsed = tuple(Window.parse(text) for text in texts)
    monday = datetime(2024, 1, 1, tzinfo=UTC)
    if (end := open_at(parsed, monday, ZoneInfo("UTC"))) and end >= monday + _WEEK:
        listed = "; ".join(texts)
        raise BadSetting(f'maintenance windows "{listed}" leave no time for any work; {_WINDOW_EXAMPLE}')
    return parsed


def closings(
    windows: Iterable[Window], moment: datetime, zone: ZoneInfo, within: timedelta = _WEEK
) -> tuple[tuple[datetime, datetime], ...]:
    """Start and end in UTC of each time of maintenance that is open at `moment` or starts `within` it."""
    windows, found = tuple(windows), []
    at, limit = moment.astimezone(UTC), moment.astimezone(UTC) + within
    while at < limit:
        if end := open_at(windows, at, zone):
            found.append((at, end))
            at = end
        at = min(_starts(windows, at, zone), default=limit)
    return tuple(found)


def spoken(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """`moment` as people near `now` say it: "06:00", "Mon 06:00" within a week, or with its date."""
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    days = abs((local.date() - today).days)
    if days >= _WEEK.days:
        return f"{local:%Y-%m-%d %H:%M}"
    return f"{local:%H:%M}" if not days else f"{_DAYS[local.weekday()]} {local:%H:%M}"


def _fault(cron: str) -> str | None:
    """What is wrong with the five fields."""
    if len(cron.split()) != 5:
        return "it has fewer than five cron fields"
    try:
        next(CronSim(cron, datetime(2024, 1, 1)))
    except StopIteration:
        return "that day never comes"
    except CronSimError as error:
        return str(error).replace("Bad ", "cron does not know such a ")
    except ValueError:
        return "cron knows no numbers that long"
    return None


def _days(text: str) -> frozenset[int] | None:
    """The days that "daily", "Mon-Fri" or "Sat,Sun" names; None when it names none."""
    if text.lower() == "daily":
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.lower().split(","):
        ends = [_NUMBERS.get(name) for name in part.split("-")]
        first, last = ends[0], ends[-1]
        if first is None or last is None or len(ends) > 2:
            return None
        days |= {(first + more) % 7 for more in range((last - first) % 7 + 1)}
    return frozenset(days)


def _starts(windows: Iterable[Window], moment: datetime, zone: ZoneInfo) -> Iterable[datetime]:
    """The next start of each window after `moment`."""
    today = datetime.combine(moment.astimezone(zone).date(), time())
    for window in windows:
        midnights = (today + _DAY * day for day in range(9))
        starts = (_first(day + window.start, zone) for day in midnights if day.weekday() in window.days)
        yield next(start for start in starts if start > moment)


def _first(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which the clock on the wall shows `wall`, or has passed it."""
    return _shown(wall, zone).replace(fold=0).astimezone(UTC)


def _last(wall: datetime, zone: ZoneInfo) -> datetime:
    """The last moment at which the clock on the wall shows `wall`, or has passed it."""
    return _shown(wall, zone).replace(fold=1).astimezone(UTC)


def _shown(wall: datetime, zone: ZoneInfo) -> datetime:
    """`wall` in `zone`, moved on to the next time that its clocks show when they leave it out."""
    local = wall.replace(tzinfo=zone)
    while local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        local += _MINUTE
    return local
