"""Changes of a library's `workbench.toml`, in which all else stays as somebody has written it."""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from workbench.errors import BadSetting
from workbench.settings import FILE


def put(library: Path, name: str, texts: Sequence[str]) -> None:
    """Have the setting `name` be the list `texts` from now on.

    Raises BadSetting when the file cannot be read, changed or written.
    """
    file = (library / FILE).resolve()  # a link stays one
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        after = _changed(before, name, texts)
        if tomllib.loads(after) != tomllib.loads(before) | {name: list(texts)}:
            raise ValueError("it is written in a way that only a person can change")
        _replace(file, after)
    except (OSError, ValueError) as error:  # what is no TOML or no UTF-8 is a ValueError too
        raise BadSetting(f"{file} could not be changed ({error}): write `{name}` into it by hand") from error


def _changed(text: str, name: str, texts: Sequence[str]) -> str:
    """`text` with the setting in the place where it was, or else at its end."""
    lines = text.splitlines(keepends=True)
    start = next((at for at, line in enumerate(lines) if re.match(rf"\s*{name}\s*=", line)), len(lines))
    end = _end(lines, start)
    if lines and start == len(lines) and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join([*lines[:start], _line(name, texts), *lines[end:]])


def _end(lines: Sequence[str], start: int) -> int:
    """Where the setting that begins in the line `start` ends: a list may go on over many lines."""
    for end in range(start + 1, len(lines) + 1):
        try:
            tomllib.loads("".join(lines[start:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return len(lines)


def _line(name: str, texts: Sequence[str]) -> str:
    quoted = [json.dumps(text, ensure_ascii=False) for text in texts]
    if len(quoted) < 2:
        return f"{name} = [{''.join(quoted)}]\n"
    return "".join([f"{name} = [\n", *(f"  {each},\n" for each in quoted), "]\n"])


def _replace(file: Path, text: str) -> None:
    """Whole or not at all, and readable for whom it was."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".workbench-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        Path(name).chmod(file.stat().st_mode if file.exists() else 0o644)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
