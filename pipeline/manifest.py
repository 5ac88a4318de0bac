"""The paper that goes with every artefact: what it is, of what it was made, with what and how long."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline import ffmpeg
from pipeline.model import Frozen, Seconds
from pipeline.task import Task, key_of

NAME = "manifest.json"


class File(Frozen):
    """One file of an artefact; `path` is relative to the artefact's folder."""

    path: str
    bytes: int
    sha256: str


class Manifest(Frozen):
    """What an artefact is. The times are wall clock and seconds of the recording."""

    kind: str
    key: str
    step: str
    files: tuple[File, ...]
    options: dict[str, Any]
    part: dict[str, Any]
    tools: dict[str, str]
    """Version of each tool and library that had a hand in it."""
    wall_seconds: Seconds
    media_seconds: Seconds
    notes: tuple[str, ...] = ()
    """What people must know of it, a sentence each."""


def write(folder: Path, task: Task, kind: str, wall_seconds: Seconds, notes: tuple[str, ...] = ()) -> None:
    """Write the manifest of the artefact `kind` that `task` left in `folder`, and sync all to disk."""
    made = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    manifest = Manifest(
        kind=kind,
        key=task.outputs[kind],
        step=task.step,
        files=tuple(_file(path, folder) for path in made),
        options=task.options,
        part=task.part,
        tools=_tools(),
        wall_seconds=round(wall_seconds, 3),
        media_seconds=task.media_seconds,
        notes=notes,
    )
    (folder / NAME).write_text(
        manifest.model_dump_json(indent=1, exclude_defaults=True),  # older versions know nothing of notes
        encoding="utf-8",
    )
    for path in (*made, folder / NAME, folder):
        _sync(path)


def read(folder: Path) -> Manifest | None:
    """The manifest of `folder`, or None when it is missing, unreadable, or a file is not as it says."""
    try:
        manifest = Manifest.model_validate(json.loads((folder / NAME).read_text(encoding="utf-8")))
        whole = all((folder / file.path).stat().st_size == file.bytes for file in manifest.files)
    except (OSError, ValueError):
        return None
    return manifest if whole else None


def notes(folders: Iterable[str]) -> list[str]:
    """What people must know of the artefacts in `folders`."""
    papers = (read(Path(folder)) for folder in folders)
    return [note for paper in papers if paper for note in paper.notes]


def digest(folder: Path) -> str:
    """What is in the artefact in `folder`: the same for the same files, whenever and however made."""
    paper = Manifest.model_validate_json((folder / NAME).read_bytes())
    return key_of([(file.path, file.sha256) for file in paper.files])


def _file(path: Path, folder: Path) -> File:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return File(path=path.relative_to(folder).as_posix(), bytes=path.stat().st_size, sha256=digest)


def _tools() -> dict[str, str]:
    names = ("episode-workbench", "faster-whisper", "ctranslate2", "av")
    return {name: version(name) for name in names} | {"ffmpeg": ffmpeg.version()}


def _sync(path: Path) -> None:
    """Force `path` to disk, so that a published artefact survives a power cut."""
    with contextlib.suppress(OSError):  # a folder cannot be synced everywhere (Windows, some shares)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
