"""Runs a command that must not outlive whoever asked for it.

Started by `pipeline.ffmpeg` as `python -I -S guard.py COMMAND...`, with a pipe as standard input that
the asking process holds open. When that process ends, for whatever reason, the pipe closes and the
command is killed. This works on every system; on Linux the kernel kills the command also when the
guard itself is killed.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> int:
    on_linux = sys.platform == "linux"
    child = subprocess.Popen(
        sys.argv[1:], stdin=subprocess.DEVNULL, preexec_fn=_die_with_the_guard if on_linux else None
    )
    threading.Thread(target=_kill_when_the_pipe_closes, args=(child,), daemon=True).start()
    return child.wait()


def _die_with_the_guard() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill_when_the_pipe_closes(child: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    with contextlib.suppress(ProcessLookupError):
        child.kill()


if __name__ == "__main__":
    sys.exit(main())
