"""What the workbench does by itself, and when it does nothing: read by all, changed by admins."""

from collections.abc import Callable
from typing import Any

from apps.pages.access import Visitor
from apps.pages.register import Register, Values
from workbench.access import Scope
from workbench.errors import BadSetting
from workbench.timetable import Kind
from workbench.workbench import Workbench

_SCHEDULES = (
    "A schedule is five cron fields (minute, hour, day, month, weekday) and what to do then: discover, or "
    "process and how far."
)
_WINDOWS = "In a maintenance window nothing is started; what runs already is finished."


def registers(bench: Workbench, visitor: Visitor) -> list[Register]:
    """The schedules and the maintenance windows, as this visitor may see and change them."""
    schedules = _Times(bench, visitor, "schedules", bench.timetable.next_run, "Runs next: ")
    windows = _Times(bench, visitor, "maintenance_windows", bench.timetable.next_window, "Open next: ")
    return [
        schedules.register(
            caption="Schedules",
            heads=["Schedule", "Runs next"],
            lead=_SCHEDULES,
            none="Nothing starts by itself: recordings wait until somebody asks for them.",
            fields=[_field("When, and what", "0 2 * * * process clipped")],
            button="Add schedule",
        ),
        windows.register(
            caption="Maintenance windows",
            heads=["Window", "Open next"],
            lead=_WINDOWS,
            none="Work may start at any time.",
            fields=[_field("Days and hours", "Mon-Fri 08:00-18:00")],
            button="Add window",
        ),
    ]


class _Times:
    """One of the two lists."""

    def __init__(
        self, bench: Workbench, visitor: Visitor, kind: Kind, next_: Callable[[str], str], says: str
    ) -> None:
        self._bench, self._visitor, self._kind, self._next, self._says = bench, visitor, kind, next_, says

    def register(self, *, fields: list[dict[str, Any]], lead: str, **look: Any) -> Register:
        fixed = self._fixed()
        self._may = self._visitor.scope >= Scope.ADMIN and not fixed
        self._shown = Register(
            add=self._add,
            remove=self._remove,
            look=self._look,
            change=self._update,
            fields=fields if self._may else [],
            lead=f"{lead} {fixed}." if fixed else lead,
            sizing_mode="stretch_width",
            **look,
        )
        self._update()
        return self._shown

    def _fixed(self) -> str:
        """Why even an admin cannot change this list here; empty for all others."""
        if self._visitor.scope < Scope.ADMIN:
            return ""
        try:
            return self._bench.timetable.fixed(self._kind) or ""
        except BadSetting as error:  # the file was changed, and cannot be read now
            return str(error)

    def _update(self) -> None:
        act = {"act": "Remove", "ask": "Remove it?", "done": "Removed"} if self._may else {}
        texts = getattr(self._bench.timetable.settings, self._kind)
        self._shown.rows = [{"cells": [text, self._next(text)], "key": text} | act for text in texts]

    def _look(self, values: Values) -> str:
        try:
            return f"{self._says}{self._next(values['text'])}." if values.get("text") else ""
        except BadSetting as error:
            return _sentence(error)

    def _add(self, values: Values) -> bool:
        def add() -> None:
            self._bench.timetable.add(self._kind, values["text"])
            self._bench.audit(self._visitor.name, f"add to {self._kind}", values["text"])
            self._shown.hint = ""

        return self._visitor.acts(add, Scope.ADMIN)

    def _remove(self, text: str) -> bool:
        def remove() -> None:
            self._bench.timetable.remove(self._kind, text)
            self._bench.audit(self._visitor.name, f"remove from {self._kind}", text)

        return self._visitor.acts(remove, Scope.ADMIN)


def _field(label: str, example: str) -> dict[str, str]:
    return {"name": "text", "label": label, "example": example}


def _sentence(error: BadSetting) -> str:
    said = str(error)
    return f"{said[:1].upper()}{said[1:]}."
