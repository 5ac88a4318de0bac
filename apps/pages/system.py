"""The system: whether this machine can do the work, who may do what, and what happens by itself."""

import shutil
from pathlib import Path
from typing import Any

import panel as pn

from apps import doctor
from apps.pages import shell, times
from apps.pages.access import Visitor
from apps.pages.following import follow
from apps.pages.job import Records
from apps.pages.register import Register
from apps.pages.wording import ago, size
from pipeline import speech_models
from pipeline.errors import ModelMissing
from workbench.access import Scope
from workbench.errors import BadSetting
from workbench.jobs import Delivery
from workbench.settings import SECRET, Chosen, Settings, explain
from workbench.workbench import Workbench

_CHECKS = ("python", "ffmpeg", "subtitles", "speech model", "disk", "memory", "llm")
"""Those that try something without a second workbench on this library."""
_SIGNS = {"ok": "In order", "warning": "Look at this", "problem": "Does not work"}
_SCOPES = [
    ["submit", "Submit: see, start, stop and upload"],
    ["read", "Read: see everything, change nothing"],
    ["admin", "Admin: everything, also keys and times"],
]
_FIRST = [_SCOPES[2], *_SCOPES[:2]]  # else nobody could make a second one here
_OPEN = (
    "Nobody needs a key as long as there is none, since only this machine gets in. With the first key "
    "everybody needs one, and this browser is logged in with it."
)
_DELIVERIES = 10


class SystemPage(pn.viewable.Viewer):
    """Health in words, keys, the times at which something happens by itself, and where what comes from."""

    def __init__(self, bench: Workbench, **params: Any) -> None:
        super().__init__(**params)
        self._bench, self._visitor = bench, Visitor.here()
        looking = "Being looked at…"
        self._health = _records("Health", ["What", "How it is", "Found"], looking)
        self._models = _records("Speech models on this machine", ["Name", "Size", "Knows"], looking)
        self._disk = _records("Disk", ["What", "Size", "Where"], looking)
        self._cluster = _records("Workers", ["Name", "Busy", "Memory"], looking)
        self._told = _records("Latest deliveries", ["When", "Where", "How it stands"], "Nobody was told yet.")
        self._keys = self._key_register() if self._is_admin else None
        follow(bench, self._visitor, self.refresh)
        self.refresh()
        pn.state.onload(self._examine)

    @property
    def _is_admin(self) -> bool:
        return self._visitor.scope >= Scope.ADMIN

    def refresh(self) -> None:
        """Look again at what changes with the jobs."""
        found = self._bench.outbox.deliveries(limit=_DELIVERIES)
        self._told.rows = [_delivery(each, self._visitor) for each in found]

    def _examine(self) -> None:
        """What takes a while."""
        self._models.rows = _models(self._bench.settings.model)
        self._show_cluster()
        library = self._bench.settings.library
        disk = shutil.disk_usage(library)
        self._disk.rows = self._visitor.may_know(
            [
                _row("Library", size(_bytes_in(library)), str(library)),
                _row("Free", size(disk.free), f"of {size(disk.total)} on its disk"),
            ]
        )
        findings = doctor.examine(self._bench.settings, names=_CHECKS)
        self._health.rows = self._visitor.may_know([*self._queue(), *map(_finding, findings)])

    def _show_cluster(self) -> None:
        settings, state = self._bench.settings, self._bench.insight.cluster()
        if state is None:
            awaited = f"the scheduler {settings.scheduler}" if settings.scheduler else "workers of its own"
            self._cluster.none = f"No worker runs now: {awaited} will be asked for with the first job."
        else:
            self._cluster.none = "The cluster has no workers: start one, or look at its scheduler."
            self._cluster.rows = [
                _row(each.name, f"{each.tasks} task{'s' * (each.tasks != 1)}", size(each.memory_bytes))
                for each in state.workers
            ]

    def _queue(self) -> list[dict[str, Any]]:
        bench = self._bench
        paused = bench.pause()
        workers = (
            f"{bench.running} of {bench.slots} workers busy" if bench.slots else "no cluster was needed yet"
        )
        return [
            _row("jobs", _SIGNS["warning" if paused else "ok"], paused or "work starts when it comes"),
            _row("workers", _SIGNS["ok"], workers),
        ]

    def _settings(self) -> Records:
        settings = self._bench.timetable.settings
        try:
            explained = explain(library=settings.library)
        except BadSetting as error:  # the file was changed since the server started
            return _records("Settings", [], self._visitor.may_know(str(error)))
        shown = _records("Settings", ["Setting", "Value", "What it does, and where it comes from"], "")
        shown.rows = self._visitor.may_know([_set(each, settings) for each in explained])
        return shown

    def _key_register(self) -> Register:
        first = not self._bench.keys.needed
        name = {
            "name": "name",
            "label": "Who or what the key is for",
            "example": "n8n in the newsroom",
        }
        register = Register(
            change=self._show_keys,
            caption="API keys",
            heads=["Name", "May", "State"],
            lead=_OPEN if first else "A key is shown once, when it is made.",
            none="There is no key.",
            fields=[name, {"name": "scope", "label": "It may", "options": _FIRST if first else _SCOPES}],
            button="Make key",
            address="/keys",
            first=first,
            sizing_mode="stretch_width",
        )
        register.rows = self._key_rows()
        return register

    def _show_keys(self) -> None:
        if self._keys and self._is_admin:
            self._keys.rows = self._key_rows()

    def _key_rows(self) -> list[dict[str, Any]]:
        act = {"act": "Revoke", "ask": "Whoever uses it is out at once.", "done": "Revoked"}
        return [
            _row(each.name, each.scope, f"revoked {ago(each.revoked_at)}")
            if each.revoked_at
            else _row(each.name, each.scope, f"made {ago(each.created_at)}") | act | {"key": each.key_id}
            for each in self._bench.keys.keys()  # noqa: SIM118 - not a mapping
        ]

    def _webhooks(self) -> list[Any]:
        if not self._is_admin:
            return []
        example = "https://n8n.example.org/webhook/episodes"
        field = {"name": "webhook_url", "label": "Address of a receiver", "example": example}
        tried = Register(
            caption="Webhooks",
            none="A test shows whether an address takes what jobs will tell it.",
            fields=[field],
            button="Send a test",
            address="/async/webhooks/test",
            sizing_mode="stretch_width",
        )
        return [tried]

    def __panel__(self) -> Any:
        library = self._bench.settings.library
        lead = f"Library {self._visitor.may_know(str(library))}"
        keys = [self._keys] if self._keys else []
        machine = (self._models, self._disk, self._cluster)
        return shell.page(
            "System",
            "system",
            self._health,
            *times.registers(self._bench, self._visitor),
            *keys,
            *self._webhooks(),
            self._told,
            *machine,
            self._settings(),
            lead=lead,
        )


def _records(caption: str, heads: list[str], none: str) -> Records:
    return Records(caption=caption, heads=heads, none=none, sizing_mode="stretch_width")


def _models(wanted: str) -> list[dict[str, Any]]:
    """The models that are here; what is used, and what is set and missing, is said."""
    rows = []
    try:
        used = speech_models.resolve(wanted)
        here = speech_models.at_hand()
        for name, lies in ({used: speech_models.folder(used)} | here).items():
            knows = "all languages" if speech_models.is_multilingual(name) else "English only"
            label = f"{speech_models.label(name)}{' (used)' if name == used else ''}"
            rows.append(_row(label, size(_bytes_in(lies)), knows))
    except ModelMissing as error:
        rows.append(_row(f"{speech_models.label(wanted)} (set)", "not here", str(error)))
    return rows


def _bytes_in(folder: Path) -> int:
    """What the files below `folder` take; one that vanishes meanwhile takes nothing."""
    taken, seen = 0, set()
    for place, _, names in folder.walk():
        for name in names:
            try:
                facts = (place / name).stat()
            except OSError:
                continue
            if (facts.st_dev, facts.st_ino) not in seen:  # shelves link to what artefacts hold
                seen.add((facts.st_dev, facts.st_ino))
                taken += facts.st_size
    return taken


def _delivery(delivery: Delivery, visitor: Visitor) -> dict[str, Any]:
    tries = f"{delivery.tries} {'try' if delivery.tries == 1 else 'tries'}"
    how = ", ".join(filter(None, [delivery.state, tries, visitor.may_know(delivery.last_reason or "")]))
    where = delivery.target.partition("?")[0]  # what follows may be a secret of the receiver
    return _row(ago(delivery.ended_at or delivery.created_at), where, how)


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
