"""One round: a new library, its server, a cluster and a receiver of webhooks; jobs; and what must hold after.

What is killed in between is up to whoever has the round.
"""

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from pipeline import manifest
from tests.kills.processes import Deployment, free_port, until
from tests.kills.receiver import Receiver
from tests.kills.server import HELD, HOLD

ENDED = ("completed", "failed", "cancelled")
_WITHIN = 120.0
"""Seconds in which every accepted job has ended, however often something was killed."""
_SETTINGS = {
    "model": "tiny.en",
    "stable_seconds": 0,
    "clip_count": 1,
    "clip_min_seconds": 2,
    "clip_max_seconds": 4,
    "variants": ["clean"],
    "aspect_ratios": ["1x1"],
}
_WORKER = ("--nthreads", "1", "--memory-limit", "0", "--no-dashboard", "--host", "127.0.0.1")


type Artefacts = dict[tuple[str, str], tuple[tuple[str, str], ...]]
"""Kind and key → name and SHA-256 of each file."""


class Round:
    """A running deployment; the library is at the same path in every round, since keys depend on it."""

    def __init__(
        self, folder: Path, recordings: Sequence[Path], receiver: Receiver, *, own: bool, **settings: object
    ) -> None:
        """`own` for two workers of the server itself, instead of a scheduler and two workers beside it."""
        shutil.rmtree(folder, ignore_errors=True)
        self.library = folder / "library"
        (self.library / "inbox").mkdir(parents=True)
        for recording in recordings:
            shutil.copy2(recording, self.library / "inbox")
        told = {"webhook_allow": [receiver.address], "webhook_secret": receiver.secret}
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in (_SETTINGS | told | settings).items())
        (self.library / "workbench.toml").write_text("".join(lines))
        self.receiver = receiver
        self.journal = folder / "journal"
        self.accepted: dict[str, str] = {}
        """Idempotency-Key → job, for each request that was answered with 202."""
        self._port = free_port()
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=20)
        self.deployment = Deployment(folder / "log")
        self._run(own)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self.deployment.close()

    def _run(self, own: bool) -> None:
        server = [self.journal, "serve", "--library", self.library, "--port", self._port]
        if own:
            self.deployment.run("app", "tests.kills.server", *server, "--workers", 2)
        else:
            port = free_port()
            address = f"tcp://127.0.0.1:{port}"
            at = ("--host", "127.0.0.1", "--port", port, "--no-dashboard")
            self.deployment.run("scheduler", "dask", "scheduler", *at)
            scratch = ("--local-directory", self.library.parent / "scratch")
            for name in ("worker 1", "worker 2"):
                self.deployment.run(name, "dask", "worker", address, *_WORKER, *scratch)
            self.deployment.run("app", "tests.kills.server", *server, "--scheduler", address)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """What the server answers, however often it must be asked while it is down."""
        deadline = time.monotonic() + _WITHIN
        while True:
            try:
                answer = self._client.request(method, path, **more)
                if answer.status_code != 503:
                    return answer.raise_for_status().json()
            except httpx2.TransportError:
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {_WITHIN:g} s {method} {path} was not answered")
            time.sleep(0.05)

    def discover(self) -> list[str]:
        """The episodes that the recordings have become."""
        found = self.ask("POST", "/episodes/discover")
        return sorted(episode["episode_id"] for episode in found["episodes"])

    def submit(self, episode_id: str) -> str:
        """Ask for an episode, with a webhook; sounds as far as their page, pictures as far as their clips."""
        target = "clipped" if episode_id.startswith("picture") else "rendered"
        key = f"{self.library.stat().st_ino}-{episode_id}"
        body = {"target_stage": target, "webhook_url": f"http://{self.receiver.address}/"}
        path = f"/async/episodes/{episode_id}/process"
        made = self.ask("POST", path, json=body, headers={"Idempotency-Key": key})
        self.accepted[key] = made["job_id"]
        return str(made["job_id"])

    def status(self, job_id: str) -> str:
        return str(self.ask("GET", f"/async/jobs/{job_id}")["status"])

    def open_jobs(self) -> list[str]:
        """The accepted jobs that have not ended."""
        jobs = self.ask("GET", "/async/jobs", params={"limit": 200})["jobs"]
        ended = {job["job_id"] for job in jobs if job["status"] in ENDED}
        return [job_id for job_id in self.accepted.values() if job_id not in ended]

    def lines(self, what: str) -> list[dict[str, Any]]:
        """The journal's lines of one kind, oldest first."""
        text = self.journal.read_text() if self.journal.exists() else ""
        return [line for line in map(json.loads, text.splitlines()) if line["what"] == what]

    def goes_on(self, killed_at: float) -> bool:
        """Whether a piece of work was finished since, or none is left."""
        made = self.lines("made")
        return bool(made and made[-1]["at"] > killed_at) or not self.open_jobs()

    def hold(self, step: str) -> None:
        """Stop the server right after the next result of `step`, until `release`."""
        (self.journal.with_name(HELD)).unlink(missing_ok=True)
        (self.journal.with_name(HOLD)).write_text(step)

    @property
    def held(self) -> bool:
        return self.journal.with_name(HELD).exists()

    def release(self) -> None:
        self.journal.with_name(HOLD).unlink(missing_ok=True)

    def finish(self) -> list[str]:
        """Let all jobs and messages come to their end, stop everything, and say what was not as promised."""
        until(lambda: not self.open_jobs(), "every accepted job had ended", _WITHIN)
        until(lambda: all(map(self._is_told, self.accepted.values())), "every end was told", _WITHIN)
        wrong = [*self._jobs(), *self._twice(), *self._messages()]
        wrong += [f"the attempt {left.name} is left" for left in (self.library / "attempts").iterdir()]
        codes = self.deployment.stop("app")
        if codes["app"]:
            wrong.append(f"the server ended with {codes['app']}")
        wrong += self._orphans()
        return wrong

    def artefacts(self) -> Artefacts:
        """What the library holds."""
        papers = [manifest.read(file.parent) for file in (self.library / "artefacts").rglob(manifest.NAME)]
        return {
            (paper.kind, paper.key): tuple((file.path, file.sha256) for file in paper.files)
            for paper in papers
            if paper
        }

    def _is_told(self, job_id: str) -> bool:
        return bool(self.receiver.ids[job_id] & self.receiver.taken)

    def _jobs(self) -> list[str]:
        """An accepted job is completed; a request that was sent again has made no second one."""
        jobs = self.ask("GET", "/async/jobs", params={"limit": 200})["jobs"]
        asked = [job for job in jobs if job["job_type"] == "process_episode"]
        wrong = [
            f"job {job['job_id']} is {job['status']}: {job['failure']}"
            for job in asked
            if job["status"] != "completed"
        ]
        if {job["job_id"] for job in asked} != set(self.accepted.values()):
            wrong.append(f"{len(asked)} jobs were made of {len(self.accepted)} requests")
        return wrong

    def _twice(self) -> list[str]:
        """No attempt is begun at what was made before."""
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
        made: set[str] = set()
        wrong = []
        for line in lines:
            if line["what"] == "made":
                made.add(line["key"])
            elif line["key"] in made:
                wrong.append(f"twice: {line['name']}")
        return wrong

    def _messages(self) -> list[str]:
        wrong = [f"a webhook with a wrong signature: {error}" for error in self.receiver.wrong]
        return wrong + [
            f"the end of job {job_id} was told under {len(self.receiver.ids[job_id])} ids"
            for job_id in self.accepted.values()
            if len(self.receiver.ids[job_id]) != 1
        ]

    def _orphans(self) -> list[str]:
        """What is still there 10 s after all was stopped."""
        self.deployment.stop(*reversed(self.deployment.names))  # the scheduler last
        try:
            until(lambda: not self.deployment.alive(), "no process was left", 10)
        except TimeoutError:
            return [f"orphan: {' '.join(process.cmdline())}" for process in self.deployment.alive()]
        return []
