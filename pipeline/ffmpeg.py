"""The only module that starts a process: ffmpeg, watched, killable, with its progress and its words.

Which ffmpeg: the one that imageio-ffmpeg ships, or the one that its variable IMAGEIO_FFMPEG_EXE names.
"""

import contextlib
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import IO

import imageio_ffmpeg

from pipeline import guard
from pipeline.errors import ToolFailed
from pipeline.model import Report, Seconds

_QUIET = ("-hide_banner", "-nostdin", "-nostats", "-y")
_LOOK_EVERY: Seconds = 0.2  # how often `report` is asked whether the work is still wanted
_STOP_WITHIN: Seconds = 2.0
_KEPT_LINES = 200
_GENERAL = re.compile(r"Conversion failed|Press \[q\]|Error opening (in|out)put file")


@cache
def executable() -> str:
    """Path of the ffmpeg that is used.

    Raises ToolFailed when there is none.
    """
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise ToolFailed(
            "no ffmpeg was found: reinstall imageio-ffmpeg, or set `ffmpeg` in workbench.toml"
        ) from error


@cache
def version() -> str:
    """The version ffmpeg says it is, such as "n9.0.2"."""
    return ask("-version").split()[2]


@cache
def encoders() -> frozenset[str]:
    """Names of the encoders it was built with, such as "libx264"."""
    return frozenset(re.findall(r"^ [VAS]\S{5} (\S+)", ask("-hide_banner", "-encoders"), re.MULTILINE))


def ask(*arguments: str) -> str:
    """What ffmpeg prints for a question that is answered at once, such as `-version`."""
    done = subprocess.run([executable(), *arguments], capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def run(arguments: Sequence[str], *, length: Seconds, report: Report, cwd: Path | None = None) -> str:
    """Run ffmpeg to its end and return what it said (the last 200 lines, for measuring filters).

    `length` is the duration of the output in seconds, to turn ffmpeg's clock into a share. `report` is
    called at least every 0.2 s and may raise; ffmpeg is then killed before the exception goes on.

    Raises ToolFailed with ffmpeg's own last words.
    """
    command = [executable(), *_QUIET, "-progress", "pipe:1", *arguments]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on, not the terminal's
        cwd=cwd,
    )
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    clock = _Clock()
    readers = [_read(process.stdout, clock.hear), _read(process.stderr, said.append)]
    try:
        while process.poll() is None:
            report(min(clock.seconds / length, 1.0) if length > 0 else 0.0)
            readers[0].join(_LOOK_EVERY)  # over at ffmpeg's end; a wait with a limit only looks now and then
            if not readers[0].is_alive():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_EVERY)
    finally:
        _stop(process)
        for reader in readers:
            reader.join(_STOP_WITHIN)
        _close(process)
    if process.returncode != 0:
        raise ToolFailed(f"ffmpeg failed: {_last_words(said)}")
    return "\n".join(said)


def feed(arguments: Sequence[str], frames: Iterable[bytes]) -> None:
    """Run ffmpeg on raw data given to its standard input (`-i pipe:0`).

    It needs no guard: when this process dies its input ends, and so does ffmpeg.
    Raises ToolFailed with ffmpeg's own last words.
    """
    command = [executable(), "-hide_banner", "-nostats", "-loglevel", "warning", "-y", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    taken = process.stdin
    assert taken is not None  # it is asked for above
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    reader = _read(process.stderr, said.append)
    try:
        with contextlib.suppress(BrokenPipeError):
            for frame in frames:
                taken.write(frame)
    finally:
        with contextlib.suppress(BrokenPipeError):
            taken.close()
        process.wait()
        reader.join(_STOP_WITHIN)
        _close(process)
    if process.returncode != 0:
        raise ToolFailed(f"ffmpeg failed: {_last_words(said)}")


class _Clock:
    """How much of the output is written, from the lines of `-progress`."""

    def __init__(self) -> None:
        self.seconds: Seconds = 0.0

    def hear(self, line: str) -> None:
        name, _, value = line.partition("=")
        if name == "out_time_us" and value.lstrip("-").isdigit():
            self.seconds = max(self.seconds, int(value) / 1e6)


def _read(stream: IO[bytes] | None, hear: Callable[[str], object]) -> threading.Thread:
    """Take the lines of `stream` as they come, so that ffmpeg never waits for a reader."""

    def take() -> None:
        for line in stream or ():
            hear(line.decode(errors="replace").rstrip())

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    return thread


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the guard, and with it ffmpeg; a process that has ended is left alone."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(_STOP_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _close(process: "subprocess.Popen[bytes]") -> None:
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


def _last_words(said: Iterable[str]) -> str:
    """The two lines that say most: the last ones that are not the general ones at the end."""
    lines = [re.sub(r"^\[[^]]*@ 0x[0-9a-f]+\]\s*", "", line.strip()) for line in said if line.strip()]
    telling = [line for line in lines if not _GENERAL.match(line)]
    return "; ".join(dict.fromkeys((telling or lines or ["no reason given"])[-2:]))
