"""Peak memory of a worker for a short and for a long recording.

    python -m tests.benchmarks.memory [--minutes 10 180] [--target-stage rendered]

The short recording is the beginning of the 16-minute episode in `../shared/media`, and the long one is that
beginning again and again, so that both hold the same speech: what is hard to make out takes more memory than
what is easy. Nothing is re-encoded. Each goes through `workbench process` in a new library; the figure is
the highest VmHWM of any worker process, which the kernel keeps (Linux only).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from pipeline import ffmpeg

EPISODE = Path(__file__).parents[3] / "shared/media/episode/episode_dev_16min.mp4"
ALLOWED = 1.10


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        short, long = arguments.minutes
        beginning = _looped(EPISODE, short, Path(folder))
        peaks = [
            _peak(recording, arguments.target_stage, Path(folder), arguments.workers)
            for recording in (beginning, _looped(beginning, long, Path(folder)))
        ]
    for minutes, peak in zip(arguments.minutes, peaks, strict=True):
        print(f"{minutes:6.0f} minutes: {peak / 2**20:7.0f} MiB")
    ratio = peaks[-1] / peaks[0]
    print(f"ratio {ratio:.2f} (at most {ALLOWED:.2f})")
    return int(ratio > ALLOWED)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs=2, default=[10, 180])
    parser.add_argument("--target-stage", default="rendered")
    parser.add_argument("--workers", default="2")
    return parser.parse_args()


def _looped(recording: Path, minutes: float, folder: Path) -> Path:
    made = folder / f"{minutes:.0f}-minutes.mp4"
    loop = ["-stream_loop", "-1", "-i", str(recording), "-t", str(minutes * 60), "-c", "copy", str(made)]
    ffmpeg.run(loop, length=minutes * 60, report=lambda share: None)
    return made


def _peak(recording: Path, stage: str, folder: Path, workers: str) -> int:
    library = folder / f"library-{recording.stem}"
    command = [sys.executable, "-m", "apps.cli", "process", "--library", str(library)]
    options = ["--json", "--target-stage", stage, "--workers", workers, "--model", "tiny.en", str(recording)]
    process = subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, *_high_water(process.pid), 0)
        time.sleep(0.2)
    outcome = json.loads(process.communicate()[0].splitlines()[-1])
    assert outcome["status"] == "completed", outcome
    return peak


def _high_water(parent: int) -> list[int]:
    """VmHWM of every worker process that `parent` has now, in bytes."""
    found = [0]
    for child in psutil.Process(parent).children(recursive=True):
        try:
            if any("spawn_main" in part for part in child.cmdline()):
                status = Path(f"/proc/{child.pid}/status").read_text()
                line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
                found.append(int(line.split()[1]) * 1024)
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError, StopIteration):
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
