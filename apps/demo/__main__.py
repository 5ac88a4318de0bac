"""`python -m apps.demo OUT.mp4` makes the demo recording."""

import sys
from pathlib import Path

from apps import demo
from pipeline.errors import PipelineError


def main(arguments: list[str]) -> int:
    """Make the recording named in `arguments`; the exit status says whether it is there."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m apps.demo OUT.mp4\n")
        return 2
    try:
        made = demo.make(Path(arguments[0]), report=_show)
    except PipelineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write("\n")
    sys.stdout.write(f"{made}\n")
    return 0


def _show(share: float) -> None:
    sys.stderr.write(f"\rmaking the demo recording: {share:4.0%}")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
