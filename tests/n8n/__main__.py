"""The workflows of `apps/n8n` in a real n8n, against a real `workbench serve`, with real recordings.

    python -m tests.n8n

The first run installs Node 24 and n8n in ~/.cache/episode-workbench (4 to 10 minutes, 3 GB; needs g++
and make). Everything listens on loopback. Prints a table; ends with 0 when all of it holds, otherwise
with 1, and then says where the logs are.
"""

import argparse
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.n8n import flows
from tests.n8n.engine import Engine, EngineFailed
from tests.n8n.flows import Check, Scene
from tests.n8n.installation import VERSION, NotInstalled, n8n
from tests.n8n.processes import NotStarted, free_ports
from tests.n8n.recordings import recordings
from tests.n8n.server import HEADER, SECRET, Server
from tests.n8n.slack import receiver

_TROUBLE = (
    NotInstalled,
    NotStarted,
    EngineFailed,
    RuntimeError,
    OSError,
    sqlite3.Error,
    subprocess.SubprocessError,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    folder = Path(tempfile.mkdtemp(prefix="n8n-acceptance-"))
    started = time.monotonic()
    try:
        checks = list(_shown(_acceptance(folder)))
    except _TROUBLE as error:
        print(f"{error}\nThe logs are in {folder}.", file=sys.stderr)
        return 1
    broken = [check for check in checks if not check.holds]
    seconds = time.monotonic() - started
    print(f"\n{len(checks) - len(broken)} of {len(checks)} hold, with n8n {VERSION}, in {seconds:.0f} s")
    if broken or not checks:
        print(f"The logs are in {folder}.", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _acceptance(folder: Path) -> Iterator[Check]:
    programs = n8n()
    (folder / "recordings").mkdir()
    engine = Engine(folder / "n8n", programs)
    files = recordings(folder / "recordings")
    (nobody,) = free_ports(1)
    allow = f"127.0.0.1:{engine.port},127.0.0.1:{nobody}"
    with receiver() as slack:
        scene = Scene(Server(folder, allow), engine, slack, files)
        _import(scene)
        yield from flows.discovering(scene)
        for template in ("nightly.json", "callback.json"):  # an n8n that never ran imports over no active one
            engine.publish(template)
        with scene.server.serving():
            yield from _served(scene, f"http://127.0.0.1:{nobody}")


def _served(scene: Scene, nowhere: str) -> Iterator[Check]:
    engine = scene.engine
    yield from flows.nightly(scene)
    with engine.serving():
        yield Check("callback", "its webhook is there", engine.takes(flows.HOOK))
        active = engine.active()
        yield Check("nightly", "its schedule is active", "nightly.json" in active, str(active))
        yield from flows.resume(scene)
        yield from flows.callback(scene)
        yield from flows.late(scene, nowhere)


def _import(scene: Scene) -> None:
    """What a person does by hand: give the credentials, import, and fill in Config."""
    engine, config = scene.engine, flows.config(scene)
    engine.give(
        [
            _credential("workbenchApiKey1", "Workbench API key", ("X-API-Key", scene.server.key)),
            _credential("workbenchWebhook", "Workbench webhook header", HEADER),
        ]
    )
    engine.put("nightly.json", config | {"poll_seconds": 1, "max_job_minutes": 30})
    engine.put("resume.json", config | {"max_job_minutes": 30})
    engine.put("callback.json", config | {"webhook_secret": SECRET})


def _credential(number: str, name: str, header: tuple[str, str]) -> dict[str, object]:
    data = {"name": header[0], "value": header[1]}
    return {"id": number, "name": name, "type": "httpHeaderAuth", "data": data}


def _shown(checks: Iterator[Check]) -> Iterator[Check]:
    """Each line as soon as it is known."""
    for check in checks:
        print(f"{'ok  ' if check.holds else 'FAIL'}  {check.flow:<9} {check.what}", flush=True)
        if not check.holds:
            print(f"      seen: {check.seen}", flush=True)
        yield check


if __name__ == "__main__":
    sys.exit(main())
