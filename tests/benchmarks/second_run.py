"""How long `workbench process` takes for an episode that is finished, and what it starts.

    python -m tests.benchmarks.second_run [--runs 5] [FILE]

Prints the median of whole processes, start to end, and the names of the programs they started. FILE is
the demo recording unless given.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from apps import demo

ALLOWED = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recording = arguments.file or demo.make(Path(folder) / "demo.mp4")
        first, _ = _run(Path(folder) / "library", recording)
        runs = [_run(Path(folder) / "library", recording) for _ in range(arguments.runs)]
    median = statistics.median(seconds for seconds, _ in runs)
    started = sorted({name for _, names in runs for name in names})
    print(f"first run {first:.1f} s, later runs {median:.2f} s (at most {ALLOWED} s)")
    print(f"started by the later runs: {', '.join(started) or 'nothing'}")
    return int(median > ALLOWED or bool(started))


def _run(library: Path, recording: Path) -> tuple[float, set[str]]:
    """Seconds, and the names of the processes that were started."""
    command = [sys.executable, "-m", "apps.cli", "process", "--library", str(library), str(recording)]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    names: set[str] = set()
    while process.poll() is None:
        try:
            names |= {child.name() for child in psutil.Process(process.pid).children(recursive=True)}
        except psutil.NoSuchProcess:
            continue
        time.sleep(0.01)
    assert process.returncode == 0, f"workbench ended with {process.returncode}"
    return time.monotonic() - started, names


if __name__ == "__main__":
    sys.exit(main())
