"""Programs that run beside the acceptance: each with a log, ended by the id it was started with."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_GRACE = 60  # seconds; n8n itself takes up to 30 to let a workflow finish


class NotStarted(Exception):
    """A program did not come up; the message has the end of its log."""


@contextmanager
def running(
    command: Sequence[str],
    log: Path,
    variables: Mapping[str, str],
    is_ready: Callable[[], bool],
    within: float,
) -> Iterator[None]:
    """`command` with its output in `log`, once `is_ready` says so; ended when the block is left.

    Raises NotStarted when it ends, or is not ready after `within` seconds.
    """
    with log.open("ab") as told:
        process = subprocess.Popen(
            command,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        if not until(lambda: process.poll() is not None or is_ready(), within) or process.poll() is not None:
            raise NotStarted(f"{' '.join(command[:4])} did not start. {log} ends with:\n{tail(log)}")
        yield
    finally:
        _end(process)


def until(holds: Callable[[], bool], within: float, pause: float = 0.3) -> bool:
    """Whether `holds` came true within so many seconds."""
    last = time.monotonic() + within
    while not holds():
        if time.monotonic() > last:
            return False
        time.sleep(pause)
    return True


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens at."""
    taken = [socket.socket() for _ in range(count)]
    for each in taken:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in taken]
    for each in taken:
        each.close()
    return ports


def tail(log: Path, count: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process, and after its grace whatever it left in the group that was made for it."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
