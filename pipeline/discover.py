"""Discovery: finds recordings in folders; takes down what one is and what was written beside it."""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.errors import BadOptions, UnreadableMedia
from pipeline.model import Metadata, Report, Seconds, Source
from pipeline.probe import is_recording, probe
from pipeline.spelling import is_misnamed, spelled

SIDECARS = (".json", ".yaml", ".yml")
_MEDIA = re.compile(
    r"\.(3gp|aac|aiff?|amr|asf|avi|caf|f4v|flac|flv|m2ts|m4[abv]|mk[av]|mov|mp[234]|mpe?g|mts|mxf|og[agv]"
    r"|opus|wav|webm|wm[av])",
    re.IGNORECASE,
)
_OTHER = re.compile(r"\.(json|ya?ml|srt|vtt|ass|txt|md|html?|xml|csv|pdf|jpe?g|png|gif|zip)", re.IGNORECASE)
_UNFINISHED = re.compile(
    r"\.(aria2|crdownload|download|filepart|opdownload|part|partial|tmp|!qb|!ut|ytdl)", re.IGNORECASE
)
_CHUNK = 1 << 22  # 4 MiB: a disk reads that in well under the time between two reports
_LARGEST_SIDECAR = 1 << 20
LONGEST_SETTLE: Seconds = 1.5
"""How long a file that was named has to rest at the most: programs write more often than that."""
_LOOK_EVERY: Seconds = 0.25


@dataclass(frozen=True)
class Found:
    """What lies in the folders that were scanned; paths are sorted and absolute."""

    ready: tuple[Path, ...]
    """Files that are, or by their name should be, recordings."""
    waiting: tuple[Path, ...]
    """Recordings that were written to a moment ago, and may still be growing."""
    closed: tuple[str, ...]
    """Folders that could not be looked into: a sentence for each."""
    misnamed: tuple[str, ...]
    """Recordings whose names are not UTF-8, as `spelled` writes them: they cannot be stored or sent."""


def scan(folders: Sequence[Path], *, stable: Seconds, now: Seconds | None = None) -> Found:
    """Walk `folders` and all below them for recordings, by name or, for any other name, by content.

    Hidden files and unfinished downloads are passed over; a folder that links lead to twice is walked
    once. A file changed within `stable` seconds before `now` (seconds since 1970; by default the clock)
    is not ready yet.
    """
    moment = time.time() if now is None else now
    closed: list[str] = []
    misnamed: list[str] = []
    ready: list[Path] = []
    waiting: list[Path] = []
    for path in sorted(set(_files(folders, closed))):
        try:
            fresh = is_fresh(path, stable, moment)
        except OSError:  # gone since the folder was listed, or a link to nothing
            continue
        if not _is_candidate(path):
            continue
        if is_misnamed(path):
            misnamed.append(spelled(path))
            continue
        (waiting if fresh else ready).append(path)
    return Found(tuple(ready), tuple(waiting), tuple(closed), tuple(misnamed))


def is_fresh(path: Path, stable: Seconds, now: Seconds) -> bool:
    """Whether a file was written to within `stable` seconds before `now`. Raises OSError."""
    # A time far in the future is a wrong clock, and says nothing.
    return abs(now - path.stat().st_mtime) < stable


def examine(path: Path, *, out: Path, report: Report, settle: Seconds = 0.0) -> Source:
    """Take down what the recording at `path` is, with the SHA-256 of its content, in `out/source.json`.

    A file that was written to less than `settle` seconds ago is looked at again when they are over.
    Raises UnreadableMedia when the file cannot be used or grows, BadOptions when the metadata beside it
    cannot be used.
    """
    path = path.absolute()
    report(0.0)
    _refuse_growing(path, settle, report)
    media = probe(path)
    metadata = _metadata(path)
    sha256, size = _digest(path, report)
    source = Source(sha256=sha256, bytes=size, media=media, metadata=metadata)
    (out / "source.json").write_text(source.model_dump_json(indent=1), encoding="utf-8")
    return source


def sidecar(path: Path) -> Path | None:
    """The metadata file beside a recording, if there is one: `name.json`, `name.yaml` or `name.yml`.

    Its suffix may be in capitals, as that of `SC2.WAV` is. A file is never its own metadata.
    """
    others = (suffix for suffix in SIDECARS if suffix != path.suffix.lower())
    beside = (path.with_suffix(each) for suffix in others for each in (suffix, suffix.upper()))
    return next((file for file in beside if file.is_file()), None)


def fingerprint(file: Path) -> str:
    """Changes when a file or the metadata beside it is changed; costs no reading."""
    stats = [path.stat() for path in (file, sidecar(file)) if path]
    return " ".join(f"{stat.st_size}:{stat.st_mtime_ns}" for stat in stats)


def _files(folders: Sequence[Path], closed: list[str]) -> Iterator[Path]:
    def note(error: OSError) -> None:
        closed.append(f"{spelled(error.filename)} cannot be looked into: {error.strerror}")

    seen: set[tuple[int, int]] = set()
    for folder in folders:
        for here, below, names in os.walk(folder.absolute(), onerror=note, followlinks=True):
            if not _is_new(here, seen):
                below.clear()
                continue
            below[:] = sorted(name for name in below if not name.startswith("."))
            yield from (Path(here) / name for name in names if _counts(name))


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    stat = Path(folder).stat()
    identity = (stat.st_dev, stat.st_ino)
    new = identity not in seen
    seen.add(identity)
    return new


def _counts(name: str) -> bool:
    return not name.startswith((".", "~")) and not _UNFINISHED.fullmatch(Path(name).suffix)


def _is_candidate(path: Path) -> bool:
    if _OTHER.fullmatch(path.suffix) or not path.is_file():
        return False
    return bool(_MEDIA.fullmatch(path.suffix)) or is_recording(path)


def _refuse_growing(path: Path, settle: Seconds, report: Report) -> None:
    """What is still being written can often be read, and would be an episode of its first half."""
    before = _state(path)
    age = time.time() - before[1] / 1e9
    if abs(age) >= settle:  # a time far in the future is a wrong clock
        return
    until = time.monotonic() + settle - max(age, 0.0)
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_EVERY))
        report(0.0)
    if _state(path) != before:
        raise UnreadableMedia(f"{path} is still being written: try again when it is whole")


def _state(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last write in nanoseconds: other ones after every write."""
    try:
        stat = path.stat()
    except OSError as error:
        raise UnreadableMedia(f"{path} cannot be read: {error.strerror}") from error
    return stat.st_size, stat.st_mtime_ns


def _digest(path: Path, report: Report) -> tuple[str, int]:
    """SHA-256 of a file and its size in bytes, read in pieces."""
    digest, read = hashlib.sha256(), 0
    before = size, _ = _state(path)
    with path.open("rb") as file:
        while read <= size and (piece := file.read(_CHUNK)):  # a file that grows could go on for ever
            digest.update(piece)
            read += len(piece)
            report(min(read / size, 1.0) if size else 1.0)
    if read != size or _state(path) != before:
        raise UnreadableMedia(f"{path} changed while it was read: try again when it is whole")
    return digest.hexdigest(), size


def _metadata(path: Path) -> Metadata:
    file = sidecar(path)
    if not file or file.stat().st_size > _LARGEST_SIDECAR:
        return Metadata()
    values = _parsed(file)
    if not isinstance(values, dict) or _is_of_another_tool(values):
        return Metadata()
    try:
        return Metadata.model_validate(values)
    except ValidationError as error:
        raise BadOptions(_complaint(file, error)) from error


def _parsed(file: Path) -> Any:
    try:
        text = file.read_text(encoding="utf-8-sig")
        return json.loads(text) if file.suffix.lower() == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise BadOptions(f"{file} cannot be read as metadata: {reason}; correct or remove it") from error


def _is_of_another_tool(values: dict[Any, Any]) -> bool:
    """Other tools write `name.json` too, such as a transcript; what they write is nested, ours is not."""
    foreign = (value for field, value in values.items() if field not in Metadata.model_fields)
    return any(isinstance(value, dict) or _has_mappings(value) for value in foreign)


def _has_mappings(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict | list) for item in value)


def _complaint(file: Path, error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole"
    known = ", ".join(Metadata.model_fields)
    if first["type"] == "extra_forbidden":
        return f"{file} has a field {field!r} that is not known: use {known}"
    wanted = "a list of texts" if first["type"] == "tuple_type" else "a text"
    return f"the field {field!r} in {file} must be {wanted}, not {first['input']!r}"
