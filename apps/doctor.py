"""What `workbench doctor` looks at: whether this machine can do the whole work, by trying it."""

import errno
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psutil

from pipeline import ffmpeg
from pipeline.errors import ModelMissing, PipelineError, ToolFailed
from pipeline.model import AspectRatio, Frozen, Seconds, Span
from workbench import run_file
from workbench.door import enter
from workbench.errors import LibraryBusy, WorkbenchError
from workbench.settings import Settings, use_ffmpeg

type State = Literal["ok", "warning", "problem"]

GIGABYTE = 1_000_000_000
_DISK_PER_HOUR = 1.0  # GB that an hour of video needs: its sound at 16 kHz and 36 clip files at 1080p
_LLM_WITHIN: Seconds = 60.0
_SIZE = (320, 180)


class Finding(Frozen):
    """What one check found; `advice` says what to do when it is not ok."""

    check: str
    state: State
    found: str
    advice: str = ""


def examine(settings: Settings, *, names: Sequence[str] | None = None) -> Iterator[Finding]:
    """The findings of all checks, or of those in `names`, each as soon as it is there.

    A check that breaks is a problem, not the end.
    """
    use_ffmpeg(settings)
    for name in names or CHECKS:
        try:
            state, found = CHECKS[name](settings)
        except (PipelineError, WorkbenchError, OSError, RuntimeError) as error:
            state, found = "problem", str(error)
        yield Finding(check=name, state=state, found=found, advice=ADVICE[name] if state != "ok" else "")


type _Found = tuple[State, str]


def _python(settings: Settings) -> _Found:
    return "ok", f"Python {sys.version.split()[0]} on {sys.platform}"


def _ffmpeg(settings: Settings) -> _Found:
    """Encodes half a second with the codecs of the clips: a list of encoders would only be a promise."""
    missing = [name for name in ("libx264", "aac") if name not in ffmpeg.encoders()]
    if missing:
        return "problem", f"{ffmpeg.executable()} has no {' and no '.join(missing)}"
    with tempfile.TemporaryDirectory() as folder:
        made = _encode(Path(folder), "null")[0]
        if not made.stat().st_size:
            raise ToolFailed("ffmpeg wrote an empty file")
    return "ok", f"ffmpeg {ffmpeg.version()} encodes H.264 and AAC"


def _font(settings: Settings) -> _Found:
    """Burns a word into a black picture and looks whether it got brighter."""
    from pipeline import captions
    from pipeline.subtitles import Cue, Piece

    word = Piece(text="Subtitle", start=0, end=0.5, space=False, word=0)
    cue = Cue(rows=((word,),), span=Span(start=0, end=0.5))
    with tempfile.TemporaryDirectory() as folder:
        script = captions.captions([cue], cue.span, AspectRatio.LANDSCAPE, _SIZE)
        (Path(folder) / "words.ass").write_text(script, encoding="utf-8")
        captions.copy_font(Path(folder))
        said = _encode(Path(folder), "ass=words.ass:fontsdir=.,signalstats,metadata=print")[1]
    brightest = [float(line.split("=")[1]) for line in said.splitlines() if "signalstats.YMAX" in line]
    if not brightest or max(brightest) < 128:
        return "problem", "subtitles burnt into a picture cannot be seen"
    return "ok", "ffmpeg has libass and draws subtitles with the font that comes with the workbench"


def _encode(folder: Path, picture_filter: str) -> tuple[Path, str]:
    """Half a second of black with a tone as `folder/try.mp4`, and what ffmpeg said."""
    sources = [
        *("-f", "lavfi", "-i", f"color=black:s={_SIZE[0]}x{_SIZE[1]}:r=25:d=0.5"),
        *("-f", "lavfi", "-i", "sine=d=0.5:r=48000"),
    ]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    said = ffmpeg.run(
        [*sources, "-vf", picture_filter, *codecs, "try.mp4"],
        length=0.5,
        report=lambda share: None,
        cwd=folder,
    )
    return folder / "try.mp4", said


def _model(settings: Settings) -> _Found:
    from pipeline import speech_models

    name = speech_models.resolve(settings.model)
    place = speech_models.folder(name)
    tongues = "all languages" if speech_models.is_multilingual(name) else "English only"
    return "ok", f"{name} ({tongues}) in {place}"


def _library(settings: Settings) -> _Found:
    root = settings.library
    if (root / "workbench.duckdb").exists():
        try:
            with enter(settings) as bench:
                count = len(bench.episodes())
        except LibraryBusy as error:
            return "warning", str(error)
        return "ok", f"{root} with {count} episode{'s' * (count != 1)}"
    if not os.access(_existing(root), os.W_OK):
        return "problem", f"{root} cannot be written"
    return "ok", f"{root} (made when it is first used)"


def _disk(settings: Settings) -> _Found:
    free = shutil.disk_usage(_existing(settings.library)).free / GIGABYTE
    found = f"{free:.1f} GB free; an hour of video needs about {_DISK_PER_HOUR:.0f} GB"
    state: State = "ok" if free >= 5 * _DISK_PER_HOUR else "warning" if free >= _DISK_PER_HOUR else "problem"
    return state, found


def _memory(settings: Settings) -> _Found:
    free = psutil.virtual_memory().available / GIGABYTE
    each = _MEMORY_PER_WORKER + _model_size(settings.model)
    needed = each * settings.worker_count
    count = f"{settings.worker_count} worker{'s' * (settings.worker_count != 1)}"
    found = f"{free:.1f} GB free; {count} may need {needed:.1f} GB"
    return "ok" if free >= needed else "warning" if free >= each else "problem", found


_MEMORY_PER_WORKER = 0.7  # GB beside the model: a worker with its ffmpeg, measured on the demo recording


def _model_size(name: str) -> float:
    """GB of the model in a worker's memory at the most; nothing for one that is missing, found elsewhere."""
    from pipeline import speech_models

    with suppress(ModelMissing):
        return (speech_models.folder(name) / "model.bin").stat().st_size / GIGABYTE
    return 0.0


def _loopback(settings: Settings) -> _Found:
    """The workers of an own cluster talk to this process over 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
    return "ok", f"127.0.0.1 answers (tried port {port})"


def _port(settings: Settings) -> _Found:
    """Listens for a moment where `serve` would."""
    host, port = settings.host, settings.port
    server = run_file.serving(settings.library)
    if server and port in (0, urlsplit(server.url).port):
        return "ok", f"this library's own server answers at {server.url}"
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except UnicodeError:
        return "problem", f"{host} is no name of a machine"
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE  # all but `serve` works
        found = f"{host}:{port} cannot be used: {'another program has it' if taken else error.strerror}"
        return "warning" if taken else "problem", found
    return "ok", f"{host}:{port} is free for `serve`" if port else f"`serve` takes any that is free on {host}"


def _cluster(settings: Settings) -> _Found:
    from workbench import runner

    cluster = runner.connect(settings.scheduler, 1, {}, lambda *_: None, lambda *_: None)
    try:
        where = settings.scheduler or "a cluster of its own"
        if trouble := cluster.trouble():
            return "problem", f"{where}: {trouble}"
        return "ok", f"{where} starts and answers, with the same versions"
    finally:
        cluster.close()


def _llm(settings: Settings) -> _Found:
    if not settings.llm_base_url:
        return "ok", "none is configured: the local enricher works without one"
    from pipeline import llm

    where = f"{settings.llm_model} at {settings.llm_base_url}"
    with llm.Endpoint(
        settings.llm_base_url,
        settings.llm_model or "",
        api_key=settings.llm_api_key,
        temperature=0.0,
        timeout=_LLM_WITHIN,
        answer_tokens=64,
        look=lambda: None,
    ) as endpoint:
        try:
            endpoint.answer(_Word, "You answer in JSON.", "Say hello in one word.")
        except llm.BadAnswer as error:
            return "warning", f"{where} answers, but not in the form asked for: {error}"
    return "ok", f"{where} answers in the form asked for"


class _Word(Frozen):
    word: str


def _existing(folder: Path) -> Path:
    """`folder`, or the nearest folder above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())


CHECKS: dict[str, Callable[[Settings], _Found]] = {
    "python": _python,
    "ffmpeg": _ffmpeg,
    "subtitles": _font,
    "speech model": _model,
    "library": _library,
    "disk": _disk,
    "memory": _memory,
    "loopback": _loopback,
    "port": _port,
    "cluster": _cluster,
    "llm": _llm,
}

ADVICE = {
    "python": "",
    "ffmpeg": "Reinstall imageio-ffmpeg, or set `ffmpeg` to one that has libx264 and aac.",
    "subtitles": "Reinstall imageio-ffmpeg, or set `ffmpeg` to one that is built with libass.",
    "speech model": "Set `model` to auto, to a faster-whisper name, or to a folder with a model.",
    "library": "Wait until no other command uses it, or choose a folder that you may write with --library.",
    "disk": "Make room, or put the library on another disk with --library.",
    "memory": "Close other programs, or set `workers` to fewer.",
    "loopback": "Let programs on this machine talk to each other over 127.0.0.1 (see the firewall).",
    "port": "Stop that program, or choose another with --port and --host, or the settings `port` and `host`.",
    "cluster": "Start the scheduler, correct `scheduler`, or leave it out for a cluster of its own.",
    "llm": "Correct `llm_base_url` and `llm_model`, or leave them out for the local enricher.",
}
