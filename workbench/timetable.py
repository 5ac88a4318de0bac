"""When work starts by itself and when none does, as people change it while the server runs."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from workbench import calendar, settings_file
from workbench.calendar import Schedule, Window, spoken
from workbench.database import Database
from workbench.errors import BadSetting, NotAllowed, NotFound
from workbench.jobs import now
from workbench.rules import Rules
from workbench.settings import FILE, Settings, explain

type Kind = Literal["schedules", "maintenance_windows"]

KINDS: tuple[Kind, ...] = ("schedules", "maintenance_windows")
"""The settings that can be changed here."""


class Timetable:
    """The schedules and maintenance windows in force; what is changed is written into the settings' file."""

    def __init__(self, settings: Settings, rules: Rules, database: Database) -> None:
        self.settings = settings
        """As they are now."""
        self._rules = rules
        self._database = database
        self._lock = threading.Lock()

    def schedules(self) -> list[Schedule]:
        """Raises BadSetting when one cannot be read."""
        return [Schedule.parse(text) for text in self.settings.schedules]

    def windows(self) -> Sequence[Window]:
        """In which nothing starts."""
        return self._rules.windows

    def next_run(self, text: str) -> str:
        """When a schedule runs next, such as "Mon 02:00 (UTC)". Raises BadSetting."""
        moment = now()
        return self._spoken(Schedule.parse(text).next_after(moment, self._rules.zone), moment)

    def next_window(self, text: str) -> str:
        """When a window is open next, such as "from Sat 00:00 to Sun 00:00 (UTC)". Raises BadSetting."""
        moment = now()
        times = calendar.closings(calendar.windows([text]), moment, self._rules.zone)
        if not times:  # it opens in a week to the minute
            return "in a week"
        start, end = times[0]
        until = f"to {self._spoken(end, moment)}"
        return (
            f"now, {until}" if start <= moment else f"from {spoken(start, moment, self._rules.zone)} {until}"
        )

    def add(self, kind: Kind, text: str) -> None:
        """From now on `text` counts too.

        Raises BadSetting when it cannot be read, NotAllowed when it is there already or when something
        stronger than the file says what counts.
        """
        text = " ".join(text.split())
        if ";" in text:
            raise BadSetting("one at a time, please: without a semicolon")
        Schedule.parse(text) if kind == "schedules" else Window.parse(text)

        def added(known: tuple[str, ...]) -> tuple[str, ...]:
            if text in known:
                raise NotAllowed(f'"{text}" is there already')
            return (*known, text)

        self._change(kind, added)
        if kind == "schedules":  # runs of a time when it was not there were not missed
            self._database.write(lambda query: query("save_schedule_run", {"schedule": text, "at": now()}))

    def remove(self, kind: Kind, text: str) -> None:
        """From now on `text` does not count. Raises NotFound, or as `add` does."""

        def removed(known: tuple[str, ...]) -> tuple[str, ...]:
            if text not in known:
                raise NotFound(f'there is no "{text}" any more: load the page again')
            return tuple(each for each in known if each != text)

        self._change(kind, removed)

    def fixed(self, kind: Kind) -> str | None:
        """Why the setting cannot be changed here, as a sentence; None when it can. Raises BadSetting."""
        (chosen,) = (each for each in explain(library=self.settings.library) if each.name == kind)
        if chosen.source not in (FILE, "default"):
            return f"`{kind}` is set by {chosen.source}, which counts more than {FILE}: change it there"
        if list(getattr(self.settings, kind)) != chosen.value:
            return f"`{kind}` is not what {FILE} says, since that was changed: start the server again first"
        return None

    def _change(self, kind: Kind, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> None:
        """First into the file, then in force: what was accepted also counts after a restart."""
        with self._lock:
            if reason := self.fixed(kind):
                raise NotAllowed(reason)
            texts = change(getattr(self.settings, kind))
            windows = calendar.windows(texts) if kind == "maintenance_windows" else None
            settings_file.put(self.settings.library, kind, texts)
            self.settings = self.settings.model_copy(update={kind: texts})
            if windows is not None:
                self._rules.close_in(windows)

    def _spoken(self, at: datetime, moment: datetime) -> str:
        return f"{spoken(at, moment, self._rules.zone)} ({self.settings.timezone})"
