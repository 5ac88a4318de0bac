"""Transcription with word times against faster-whisper's own sequential `WhisperModel.transcribe`.

    python -m tests.benchmarks.transcription [--file FILE]... [--skip-command] [--skip-one]

Both use the same model (tiny.en, int8) on the same two cores, one after the other in one run:
the peer with beam 5, VAD filter and `cpu_threads=2` in a process of its own; the stage in two processes
with one thread each and in one; and the whole command `workbench process` with two workers.

"alone" counts the work: from a loaded model and a path to the words. "whole" counts the process from its
start to its end, with imports and the loading of the model; it is what the command is compared by.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from pipeline import speech_models, transcribe, whisper
from tests.benchmarks.word_error_rate import MEDIA, cases, error_rate, probe
from workbench import runner

_PEER = """
import json, sys, time
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu", compute_type="int8", cpu_threads=2)
started = time.monotonic()
segments, _ = model.transcribe(sys.argv[2], beam_size=5, word_timestamps=True, vad_filter=True)
text = " ".join(word.word.strip() for segment in segments for word in segment.words)
print(json.dumps([time.monotonic() - started, text]))
"""
_OPTIONS = transcribe.TranscribeOptions(model=speech_models.BUNDLED)
_FILES = ("episode/episode_dev_16min.mp4", "speech/crimson_30_crab_and_monkey.mp3")


@dataclass(frozen=True)
class Run:
    """One way to transcribe a recording: how long it took, and what it heard."""

    name: str
    alone: float | None
    whole: float | None
    text: str


def main() -> None:
    parser = argparse.ArgumentParser(description="Transcription against faster-whisper's own.")
    parser.add_argument(
        "--file", action="append", help="a name under shared/media (default: both of the issue)"
    )
    parser.add_argument("--skip-command", action="store_true", help="leave out `workbench process`")
    parser.add_argument("--skip-one", action="store_true", help="leave out the stage in one process")
    arguments = parser.parse_args()
    references = {case.name: case.reference for case in cases()}
    for name in arguments.file or _FILES:
        path = MEDIA / name
        runs = [_peer(path), _stage(path, workers=2)]
        if not arguments.skip_one:
            runs.append(_stage(path, workers=1))
        if not arguments.skip_command:
            runs.append(_command(path))
        _show(name, runs, references[name])


def _show(name: str, runs: list[Run], reference: str) -> None:
    print(f"\n{name}\n{'seconds, and times faster':38} {'alone':>8} {'':>6} {'whole':>8} {'':>6} word errors")
    for run in runs:
        times = _times(run.alone, runs[0].alone) + _times(run.whole, runs[0].whole)
        print(f"{run.name:38} {times} {error_rate(reference, run.text):>11.2%}", flush=True)


def _times(seconds: float | None, peer: float | None) -> str:
    return f" {seconds:>7.1f} {peer / seconds:>5.2f}×" if seconds and peer else f" {'':>7} {'':>6}"


def _peer(path: Path) -> Run:
    started = time.monotonic()
    model = str(speech_models.folder(speech_models.BUNDLED))
    done = subprocess.run(
        [sys.executable, "-c", _PEER, model, str(path)], capture_output=True, text=True, check=True
    )
    whole = time.monotonic() - started
    alone, text = json.loads(done.stdout)
    return Run("WhisperModel.transcribe, two threads", alone, whole, text)


def _stage(path: Path, workers: int) -> Run:
    """prepare, all stretches, merge, in `workers` processes of one thread that have loaded the model.

    They are started with the environment that the workers of a job have.
    """
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, runner.WORKER_ENVIRONMENT):
        plan = Path(folder, "prepared")
        plan.mkdir()
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _load) as pool:
            list(pool.map(time.sleep, [1.0] * workers))
            started = time.monotonic()
            pool.submit(_prepare, str(path), str(plan)).result()
            count = len(transcribe.stretches(plan))
            parts = [Path(part) for part in pool.map(_stretch, [str(plan)] * count, range(count))]
            made = transcribe.merge(probe(path), plan, parts, _OPTIONS, out=Path(folder))
            alone = time.monotonic() - started
    return Run(f"the stage, {workers} process(es) of one thread", alone, None, made.text())


def _load() -> None:
    whisper.load(_OPTIONS.model, 1)


def _prepare(path: str, plan: str) -> None:
    transcribe.prepare(probe(Path(path)), _OPTIONS, out=Path(plan), report=_ignore, threads=1)


def _stretch(plan: str, index: int) -> str:
    out = Path(plan).parent / str(index)
    out.mkdir()
    transcribe.stretch(Path(plan), index, _OPTIONS, out=out, report=_ignore, threads=1)
    return str(out)


def _ignore(share: float) -> None:
    """A report that nobody reads."""


def _command(path: Path) -> Run:
    with tempfile.TemporaryDirectory() as library:
        workbench = [sys.executable, "-m", "apps.cli"]
        wanted = ["--library", library, "--target-stage", "transcribed", "--workers", "2"]
        started = time.monotonic()
        done = subprocess.run(
            [*workbench, "process", *wanted, "--model", speech_models.BUNDLED, "--json", str(path)],
            capture_output=True,
            text=True,
        )
        seconds = time.monotonic() - started
        if done.returncode:
            raise SystemExit(f"`workbench process` failed: {done.stderr.strip()[-400:]}")
        (stored,) = Path(library).rglob("transcript.json")
        words = json.loads(stored.read_bytes())["words"]
    text = "".join(" " * word["space"] + word["text"] for word in words)
    return Run("`workbench process`, two workers", None, seconds, text)


if __name__ == "__main__":
    main()
