"""What holds work back: maintenance windows, a disk that is nearly full, limits."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.model import Seconds, StageName
from workbench import calendar
from workbench.calendar import Window, open_at, spoken
from workbench.errors import BadSetting
from workbench.jobs import now
from workbench.settings import Settings

_LOOK_EVERY: Seconds = 2.0


@dataclass
class Rules:
    """When tasks may start, how many, and for how long."""

    library: Path
    parallel: int = 4
    """Episodes that are worked on at once."""
    limits: Mapping[StageName, int] = field(default_factory=dict)
    """How many tasks of a stage may run at once."""
    windows: tuple[Window, ...] = ()
    """Times of maintenance, in which nothing starts."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    min_free: int = 0
    """Bytes that have to be free on the library's disk."""
    timeout: Seconds | None = None
    """How long a job's tasks may run; waiting does not count."""
    threads: int = 1
    """Processor threads of a task."""
    _seen: tuple[float, str | None] = (-_LOOK_EVERY, None)

    def pause(self) -> str | None:
        """Why nothing may start at this moment, in words; None when it may. Looked at every two seconds."""
        looked, reason = self._seen
        if time.monotonic() - looked >= _LOOK_EVERY:
            reason = self._closed() or self._full()
            self._seen = time.monotonic(), reason
        return reason

    def close_in(self, windows: tuple[Window, ...]) -> None:
        """From now on these are the times of maintenance."""
        self.windows = windows
        self._seen = -_LOOK_EVERY, None

    def opens_at(self) -> datetime | None:
        """When the maintenance window ends that is open now."""
        return open_at(self.windows, now(), self.zone)

    def _closed(self) -> str | None:
        if end := self.opens_at():
            return f"maintenance window until {spoken(end, now(), self.zone)}"
        return None

    def _full(self) -> str | None:
        try:
            if not self.min_free or shutil.disk_usage(self.library).free >= self.min_free:
                return None
        except OSError as error:
            return f"the library's disk cannot be looked at: {error.strerror}"
        least = self.min_free / 2**30
        return f"the library's disk has less than {least:g} GB free (setting `min_free_gb`): make room"


def rules_of(settings: Settings) -> Rules:
    """What the settings say of when and how much may run. Raises BadSetting."""
    try:
        zone = ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadSetting(
            f"setting `timezone`: there is no {settings.timezone!r}; write one such as Europe/Berlin"
        ) from error
    return Rules(
        settings.library,
        parallel=settings.parallel_episodes,
        limits=dict(_limit(text) for text in settings.stage_limits),
        windows=calendar.windows(settings.maintenance_windows),
        zone=zone,
        min_free=int(settings.min_free_gb * 2**30),
        timeout=settings.job_timeout_minutes * 60 or None,
        threads=settings.threads,
    )


def _limit(text: str) -> tuple[StageName, int]:
    stage, _, count = text.partition("=")
    if stage not in list(StageName) or not count.isdecimal() or not int(count):
        raise BadSetting(f"setting `stage_limits` cannot be {text!r}: write it as transcribed=1,clipped=2")
    return StageName(stage), int(count)
