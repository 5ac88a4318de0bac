"""Every benchmark in turn: `python -m tests.benchmarks`. Each is a command of its own; see README.md."""

import subprocess
import sys

ALL = (
    *("word_error_rate", "transcription", "clips", "second_run", "memory"),
    *("upload", "queue", "live", "eta", "pages"),
)


def main() -> int:
    ended = {
        name: subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"]).returncode for name in ALL
    }
    for name, code in ended.items():
        print(f"{name}: {'as promised' if code == 0 else f'ended with {code}'}")
    return max(ended.values())


if __name__ == "__main__":
    sys.exit(main())
