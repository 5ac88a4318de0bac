"""The processes of a deployment, each started again when it has ended, as a machine's supervisor does."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent
MARK = "KILLS_RUN"
"""A variable that every process of a run, and whatever it starts, has in its environment."""


def until(reached: Callable[[], object], what: str, within: float = 60.0) -> float:
    """Wait until something is so; returns the seconds it took. Raises TimeoutError saying `what` was not."""
    started = time.monotonic()
    while not reached():
        if time.monotonic() - started > within:
            raise TimeoutError(f"after {within:g} s it was not so that {what}")
        time.sleep(0.02)
    return time.monotonic() - started


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Deployment:
    """Commands by name, kept running until the end; a killed one is back at once."""

    def __init__(self, log: Path, **variables: str) -> None:
        """What the processes say goes into the file `log`; `variables` are added to their environment."""
        self.mark = secrets.token_hex(8)
        unset = ("WORKBENCH_", "DASK_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
        self._environment = kept | {"PYTHONPATH": str(ROOT), MARK: self.mark} | variables
        self._log = log.open("ab")
        self._commands: dict[str, list[str]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def run(self, name: str, module: str, *arguments: object) -> None:
        """Keep `python -m MODULE ARGUMENTS` running as `name`."""
        with self._lock:
            self._commands[name] = [sys.executable, "-m", module, *map(str, arguments)]
            self._start(name)

    @property
    def names(self) -> list[str]:
        return list(self._commands)

    def kill(self, name: str) -> None:
        """`kill -9` of one process and of nothing that it has started."""
        with self._lock:
            self._processes[name].kill()
            self._processes[name].wait()
            self._start(name)

    def kill_workers(self, name: str) -> bool:
        """`kill -9` of the processes that Dask's nanny `name` has started; False when there are none now."""
        killed = False
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._processes[name].pid).children():
                if any("spawn_main" in part for part in child.cmdline()):
                    child.kill()
                    killed = True
        return killed

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """Meanwhile a process does nothing, and hears of nothing."""
        process = self._processes[name]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def stop(self, *names: str) -> dict[str, int]:
        """End processes as a supervisor does, and keep them no more; their exit codes.

        That is with SIGTERM, and with SIGKILL when one is still there 20 s later, as Dask's may be.
        """
        with self._lock:
            for name in names:
                del self._commands[name]
        ended = {}
        for name in names:
            process = self._processes.pop(name)
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            ended[name] = process.wait()
        return ended

    def close(self) -> None:
        """End what still runs, with all that it has started."""
        self._closing.set()
        self._thread.join()
        for process in self.alive():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        for started in self._processes.values():
            started.wait()
        self._log.close()

    def alive(self, containing: str = "") -> list[psutil.Process]:
        """This deployment's processes, also those whose parent is gone, that have `containing` in their
        command."""
        return [process for process in psutil.process_iter() if self._is_ours(process, containing)]

    def _is_ours(self, process: psutil.Process, containing: str) -> bool:
        with suppress(psutil.Error):
            if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                return any(containing in part for part in process.cmdline())
        return False

    def _start(self, name: str) -> None:
        self._processes[name] = subprocess.Popen(
            self._commands[name],
            env=self._environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def _keep(self) -> None:
        while not self._closing.wait(0.05):
            with self._lock:
                for name in self._commands:
                    if self._processes[name].poll() is not None:
                        self._start(name)
