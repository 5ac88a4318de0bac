"""The workbench of a server, for notebooks and scripts: the verbs of `Workbench`, over HTTP.

from workbench.client import Client

with Client("http://127.0.0.1:5006", key="wb_...") as bench:
    job = bench.wait(bench.process("my-talk", target_stage="transcribed").job_id)
"""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from pipeline.errors import UnreadableMedia
from pipeline.model import AspectRatio, Seconds, Span, StageName, Variant
from pipeline.spelling import is_misnamed, misnamed
from workbench import run_file
from workbench.access import Key, Scope
from workbench.errors import AccessDenied
from workbench.jobs import CleanUp, Clip, ClipFile, Episode, Job, Status
from workbench.moments import Matches, Moment
from workbench.remote_editing import RemoteEditing
from workbench.sending import Sender
from workbench.waiting import bytes_bar, until_ended
from workbench.wire import Place, Wire, noun

PATIENCE: Seconds = 60.0
"""How long a server that answered before is waited for: it may just be started again."""
_PAGE = 200
_AT_ONCE = 100  # jobs that are asked for by their ids in one address
_LOOK_EVERY: Seconds = 1.0
_WAIT_AT_ONCE: Seconds = 30.0


class Client:
    """A server's library and jobs. Safe in threads.

    Every verb raises Unreachable when the server does not answer, AccessDenied when it wants another key,
    and what the same verb of `Workbench` raises. A job that was asked for over a connection that broke is
    asked for again, and made once.
    """

    detached = True
    """Whether the jobs go on when this process ends."""

    def __init__(self, url: str, key: str | None = None, *, patience: Seconds = PATIENCE) -> None:
        """`key` is one that `workbench keys` made; none is needed on the server's machine before the first.

        Raises BadSetting when `url` cannot be a server's address.
        """
        place = Place(url=url, key=key)
        self._start(lambda: place, patience)

    @classmethod
    def of_library(cls, library: Path | str, *, patience: Seconds = PATIENCE) -> Self:
        """The server that has a library of this machine open, whichever port it is started on again.

        Raises Unreachable when there is none.
        """

        def find() -> Place | None:
            found = run_file.serving(Path(library))
            return Place(url=found.url, key=found.token) if found else None

        client = cls.__new__(cls)
        client._start(find, patience)
        return client

    def _start(self, find: Callable[[], Place | None], patience: Seconds) -> None:
        self._wire = Wire(find, patience)
        self._may_know_paths = True
        self.keys = RemoteKeys(self._wire)
        self.editing = RemoteEditing(self._wire)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the server goes on with the jobs."""
        self._wire.close()

    def discover(self, paths: Sequence[Path | str] | None = None) -> Job:
        """Examine recordings: those in the server's inbox and set folders, or in `paths` of its machine.

        `paths` need a key with the scope admin. The job's result is that of `Workbench.discover`.
        Raises UnreadableMedia for a path that cannot be sent.
        """
        given = None if paths is None else [_absolute(path) for path in paths]
        return self._submit("/async/discover", {"paths": given})

    def upload(
        self,
        file: Path | str,
        *,
        title: str | None = None,
        show: str | None = None,
        language: str | None = None,
        guests: Sequence[str] = (),
        vocabulary: Sequence[str] = (),
        bar: bool = True,
    ) -> str:
        """Send a recording of this machine into the server's inbox; returns the name that it got there.

        The server makes it an episode by itself. What is given besides comes to lie beside it. With `bar`
        is shown how much has come. A connection that breaks is made again, and goes on where it was.
        """
        lists = {"guests": guests, "vocabulary": vocabulary}
        said = {"title": title, "show": show, "language": language}
        said |= {name: json.dumps(list(each)) for name, each in lists.items() if each}
        place = Path(file).expanduser()
        with bytes_bar(place, bar) as came:
            return Sender(self._wire, place, came).send({name: text for name, text in said.items() if text})

    def process(
        self,
        episode_id: str,
        *,
        target_stage: StageName = StageName.CLIPPED,
        force_reprocess: bool = False,
        model: str | None = None,
        language: str | None = None,
    ) -> Job:
        """Take an episode as far as `target_stage`; what is finished and current is not done again.

        `model` and `language` are those of the server's settings unless given.
        """
        body = {
            "target_stage": target_stage,
            "force_reprocess": force_reprocess,
            "model": model,
            "language": language,
        }
        return self._submit(f"/async{_episode(episode_id)}/process", body)

    def render_clips(
        self,
        episode_id: str,
        *,
        clip_ids: Sequence[str] | None = None,
        variants: Sequence[Variant] | None = None,
        aspect_ratios: Sequence[AspectRatio] | None = None,
    ) -> Job:
        """Render some or all candidates of an episode, in the variants and ratios asked for."""
        asked = {"clip_ids": clip_ids, "variants": variants, "aspect_ratios": aspect_ratios}
        body = {name: list(each) if each else None for name, each in asked.items()}
        return self._submit(f"/async{_episode(episode_id)}/render_clips", body)

    def rebuild(self, episode_id: str) -> Job:
        """Make again what rests on what people changed; `editing.rebuild` tells what that is."""
        return self._submit(f"/async{_episode(episode_id)}/rebuild", {})

    def retry(self, job_id: str) -> Job:
        """Ask once more for what a failed or cancelled job was asked for."""
        return self._submit(f"{_job(job_id)}/retry", {})

    def discover_clips(self, episode_id: str) -> list[Clip]:
        """Choose the clip candidates of a rendered episode; those that there are if it has some."""
        self._wire.send("POST", f"{_episode(episode_id)}/discover_clips")
        return self.clips(episode_id)

    def jobs(self, status: Status | None = None, limit: int = 50, before: str | None = None) -> list[Job]:
        """The newest jobs first, those older than the job `before`; without their `params`."""
        asked = {"status": status, "cursor": before}
        return [self._wire.known(Job, view) for view in self._pages("/async/jobs", "jobs", limit, asked)]

    def jobs_with(self, job_ids: Sequence[str]) -> list[Job]:
        """Those jobs as they are at this moment, in that order; without their `params`."""
        found: list[Job] = []
        for start in range(0, len(job_ids), _AT_ONCE):
            page = self._wire.get("/async/jobs", ids=list(job_ids[start : start + _AT_ONCE]))
            views = self._wire.read(lambda told: list(told["jobs"]), page)
            found += [self._wire.known(Job, view) for view in views]
        return found

    def open_jobs(self) -> list[Job]:
        """Those that have not ended, the oldest first."""
        found = (
            self._wire.known(Job, view)
            for status in (Status.QUEUED, Status.RUNNING)
            for view in self._pages("/async/jobs", "jobs", None, {"status": status})
        )
        latest = {job.job_id: job for job in found}  # one may start in between
        return [latest[job_id] for job_id in sorted(latest)]

    def resume(self) -> list[Job]:
        """The jobs that are not finished: the server is at them."""
        return self.open_jobs()

    def job(self, job_id: str) -> Job:
        """A job as it is at this moment."""
        return self._wire.known(Job, self._detailed(_job(job_id)))

    def log(self, job_id: str) -> list[dict[str, Any]]:
        """What happened to a job, oldest first: {at_utc, kind, body}."""
        return self._wire.read(_lines_of, self._wire.get(f"{_job(job_id)}/log"))

    def cancel(self, job_id: str, timeout: Seconds | None = None) -> Job:
        """Stop a job, and wait `timeout` seconds for that; one that has ended stays as it is."""
        job = self._wire.known(Job, self._wire.send("DELETE", _job(job_id)))
        return job if job.ended else self.wait(job_id, timeout, bar=False)

    def wait(self, job_id: str, timeout: Seconds | None = None, *, bar: bool = True) -> Job:
        """The job once it has ended, or as it is after `timeout` seconds.

        With `bar` its progress is shown meanwhile, in terminals and notebooks. The server may be started
        again in between.
        """
        return until_ended(lambda most: self._waited(job_id, most), timeout, bar=bar)

    def search(self, text: str, limit: int = 50) -> Matches:
        """The first `limit` sentences that hold every word of `text`, and what is in quotes as it is."""
        if not text.strip():
            return Matches()
        return self._wire.read(_matches_of, self._wire.get("/search", q=text, limit=limit))

    def episodes(self, limit: int | None = None, before: str | None = None, text: str = "") -> list[Episode]:
        """The newest first, older than the episode `before`, `text` in their titles. Raises NotFound.

        Paths and `sha256` only for a key with the scope admin.
        """
        asked = {"cursor": before, "text": text or None}
        views = self._pages("/episodes", "episodes", limit, asked, detailed=True)
        return [self._wire.read(_episode_of, view) for view in views]

    def episode(self, episode_id: str) -> Episode:
        """An episode; paths and `sha256` only for a key with the scope admin."""
        return self._wire.read(_episode_of, self._detailed(_episode(episode_id)))

    def clips(self, episode_id: str) -> list[Clip]:
        """An episode's clip candidates, the best first, each with the files rendered of it.

        A file's path is that on the server's machine; without the scope admin it is its address.
        """
        views = self._wire.get(f"{_episode(episode_id)}/clips")
        shelf = self._detailed(_episode(episode_id)).get("shelf")
        below = f"/episodes/{episode_id}/files" if shelf else ""
        start = shelf or self._wire.url

        def place(url: str) -> str:
            return start + url.removeprefix(below)

        return self._wire.read(lambda told: [_clip_of(view, place) for view in told["clips"]], views)

    def shelf(self, episode_id: str) -> Path:
        """The folder of the server's machine with an episode's results; needs the scope admin."""
        found = self._wire.get(_episode(episode_id), details=True)
        return self._wire.read(lambda told: Path(told["shelf"]), found)

    def files(self, episode_id: str) -> dict[str, list[str]]:
        """Kind of artefact → paths of its files on the server's machine; needs the scope admin."""
        found = self._wire.get(_episode(episode_id), details=True)
        return self._wire.read(lambda told: dict(told["paths"]), found)

    def clean_up(self, *, dry_run: bool = True) -> CleanUp:
        """Remove, or only name, old jobs and artefacts that no episode needs; needs the scope admin.

        Raises NotAllowed when artefacts would go while a job runs.
        """
        made = self._wire.send("POST", "/async/clean_up", json={"dry_run": dry_run}, repeatable=False)
        return self._wire.known(CleanUp, made)

    def _waited(self, job_id: str, most: Seconds) -> Job:
        """The job once it has ended, or after `most` seconds."""
        until = time.monotonic() + most
        while True:
            asked_at = time.monotonic()
            at_once = min(_WAIT_AT_ONCE, max(0.0, until - asked_at))
            job = self._wire.known(Job, self._detailed(_job(job_id), wait=at_once))
            now = time.monotonic()
            if job.ended or now >= until:
                return job
            if now - asked_at < at_once / 2:  # too many wait: the server answered at once
                time.sleep(min(_LOOK_EVERY, until - now))

    def _submit(self, path: str, body: dict[str, Any]) -> Job:
        """Ask for a job under a key of its own, so that asking again makes no second one."""
        asked = {name: each for name, each in body.items() if each is not None}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        made = self._wire.send("POST", path, json=asked, headers=key)
        return self.job(self._wire.read(lambda told: str(told["job_id"]), made))

    def _detailed(self, path: str, **asked: Any) -> dict[str, Any]:
        """What there is at `path`, with what only admins are told if this client is one."""
        if self._may_know_paths:
            try:
                return self._wire.read(dict, self._wire.get(path, details=True, **asked))
            except AccessDenied:
                self._may_know_paths = False
        return self._wire.read(dict, self._wire.get(path, **asked))

    def _pages(
        self, path: str, name: str, limit: int | None, asked: dict[str, Any], *, detailed: bool = False
    ) -> Iterator[dict[str, Any]]:
        """The first `limit` of a list, or all of it, page by page."""
        ask = self._detailed if detailed else self._wire.get
        left = limit
        while left is None or left > 0:
            page = ask(path, **asked, limit=_PAGE if left is None else min(left, _PAGE))
            views, cursor = self._wire.read(lambda told: (list(told[name]), told["next_cursor"]), page)
            yield from views
            left = None if left is None else left - len(views)
            if not cursor:
                return
            asked = asked | {"cursor": cursor}


class RemoteKeys:
    """The API keys of a server; all verbs need the scope admin."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def make(self, name: str, scope: Scope) -> tuple[Key, str]:
        """A new key and its text, which is shown this once and kept nowhere."""
        body = {"name": name, "scope": scope}
        made = self._wire.send("POST", "/keys", json=body, repeatable=False)
        return self._wire.read(lambda told: (noun(Key, told["key"]), str(told["secret"])), made)

    def keys(self) -> list[Key]:
        """All keys that were ever made, with the time when a key was revoked."""
        views = self._wire.read(lambda told: list(told["keys"]), self._wire.get("/keys"))
        return [self._wire.known(Key, view) for view in views]

    def revoke(self, key_id: str) -> None:
        """The key and the sessions that it opened end now. Raises NotFound."""
        self._wire.send("DELETE", f"/keys/{quote(key_id, safe='')}")


def _absolute(path: Path | str) -> str:
    if is_misnamed(path):
        raise UnreadableMedia(misnamed(path))
    return os.path.normpath(Path(path).expanduser().absolute())


def _job(job_id: str) -> str:
    return f"/async/jobs/{quote(job_id, safe='')}"


def _episode(episode_id: str) -> str:
    return f"/episodes/{quote(episode_id, safe='')}"


def _lines_of(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [line | {"at_utc": datetime.fromisoformat(line["at_utc"])} for line in told["events"]]


def _episode_of(view: dict[str, Any]) -> Episode:
    place = view.get("recording_path", view["recording"])
    return noun(Episode, {"sha256": ""} | view | {"recording": place})


def _matches_of(view: dict[str, Any]) -> Matches:
    return noun(Matches, view | {"moments": [noun(Moment, each) for each in view["moments"]]})


def _clip_of(view: dict[str, Any], path_of: Callable[[str], str]) -> Clip:
    files = [
        ClipFile(variant=file["variant"], aspect_ratio=file["aspect_ratio"], path=path_of(file["url"]))
        for file in view["files"]
    ]
    return noun(Clip, view | {"span": Span(start=view["start"], end=view["end"]), "files": files})
