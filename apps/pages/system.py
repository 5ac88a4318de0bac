"""The system: whether this machine can do the work, what is set and by whom, and who may do what."""

from typing import Any

import panel as pn

from apps import doctor
from apps.pages import shell
from apps.pages.access import Visitor
from apps.pages.job import Records
from apps.pages.wording import ago
from workbench.access import Scope
from workbench.errors import BadSetting
from workbench.settings import SECRET, Chosen, Settings, explain
from workbench.workbench import Workbench

_CHECKS = ("python", "ffmpeg", "subtitles", "speech model", "disk", "memory", "llm")
"""Those that try something without a second workbench on this library."""
_SIGNS = {"ok": "In order", "warning": "Look at this", "problem": "Does not work"}


class SystemPage(pn.viewable.Viewer):
    """Health in words, settings, keys and the times at which something happens by itself."""

    def __init__(self, bench: Workbench, **params: Any) -> None:
        super().__init__(**params)
        self._bench, self._visitor = bench, Visitor.here()
        self._health = Records(
            caption="Health",
            heads=["What", "How it is", "Found"],
            none="Being looked at…",
            sizing_mode="stretch_width",
        )
        pn.state.onload(self._examine)

    def _examine(self) -> None:
        findings = doctor.examine(self._bench.settings, names=_CHECKS)
        self._health.rows = self._visitor.may_know([*self._queue(), *map(_finding, findings)])

    def _queue(self) -> list[dict[str, Any]]:
        bench = self._bench
        workers = (
            f"{bench.running} of {bench.slots} workers busy" if bench.slots else "no cluster was needed yet"
        )
        return [
            _row(
                "jobs",
                _SIGNS["warning" if bench.pause() else "ok"],
                bench.pause() or "work starts when it comes",
            ),
            _row("workers", _SIGNS["ok"], workers),
        ]

    def _settings(self) -> Records:
        settings = self._bench.settings
        try:
            explained = explain(library=settings.library)
        except BadSetting as error:  # the file was changed since the server started
            return Records(
                caption="Settings", none=self._visitor.may_know(str(error)), sizing_mode="stretch_width"
            )
        rows = self._visitor.may_know([_set(each, settings) for each in explained])
        heads = ["Setting", "Value", "What it does, and where it comes from"]
        return Records(caption="Settings", heads=heads, rows=rows, sizing_mode="stretch_width")

    def _times(self) -> Records:
        settings = self._bench.settings
        rows = [_row("schedule", text, "discover and process") for text in settings.schedules]
        rows += [
            _row("maintenance window", text, "nothing is started in it")
            for text in settings.maintenance_windows
        ]
        none = "Nothing happens by itself: set `schedules` or `maintenance_windows`."
        return Records(
            caption="Times",
            heads=["What", "When", "What happens"],
            rows=rows,
            none=none,
            sizing_mode="stretch_width",
        )

    def _keys(self) -> list[Any]:
        if self._visitor.scope < Scope.ADMIN:
            return []
        known = self._bench.keys.keys()
        rows = [
            _row(each.name, each.scope, "revoked" if each.revoked_at else f"made {ago(each.created_at)}")
            for each in known
        ]
        none = "Nobody needs a key on this machine. `workbench keys NAME` makes one, and then everybody does."
        return [
            Records(
                caption="API keys",
                heads=["Name", "May", "State"],
                rows=rows,
                none=none,
                sizing_mode="stretch_width",
            )
        ]

    def __panel__(self) -> Any:
        library = self._bench.settings.library
        lead = f"Library {self._visitor.may_know(str(library))}"
        return shell.page(
            "System", "system", self._health, self._times(), *self._keys(), self._settings(), lead=lead
        )


def _row(*cells: str) -> dict[str, Any]:
    return {"cells": list(cells)}


def _finding(finding: doctor.Finding) -> dict[str, Any]:
    return _row(finding.check, _SIGNS[finding.state], " ".join(filter(None, [finding.found, finding.advice])))


def _set(known: Chosen, settings: Settings) -> dict[str, Any]:
    """A setting that is not what the file and the variables say was given by the command."""
    value = getattr(settings, known.name)
    secret = known.name in SECRET
    shown = ("set" if value else "") if secret else value
    by_command = not secret and _value(value) != _value(known.value)
    source = "the command that started the server" if by_command else known.source
    return _row(known.name, _value(shown), f"{known.help} ({source})")


def _value(value: object) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None or value == "" else str(value)
