"""From what was named on the command line to recordings, and from their jobs to one outcome each."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps import terminal
from apps.watch import Signals, watch
from pipeline.discover import is_fresh
from pipeline.model import Frozen, Seconds, StageName
from pipeline.spelling import is_misnamed, misnamed, spelled
from workbench.jobs import Failure, Job, Status

if TYPE_CHECKING:
    from workbench.door import Bench

type Look = Callable[[Sequence[str]], Job]
"""Looks for recordings at the paths; returns the job that did, which has ended."""
_LOOK_EVERY: Seconds = 0.1
_LONGEST_WAIT: Seconds = 60.0
_CLOCKS: Seconds = 2.0
"""By how much a file server's clock may be ahead of this machine's."""


class Item(Frozen):
    """A recording that was asked for: an episode, or why there is none."""

    file: str
    """As it was named, or as it was found in a folder that was named."""
    title: str
    episode_id: str | None = None
    failure: Failure | None = None


class Outcome(Frozen):
    """What became of a recording; `stage` is the one it reached, or the one in which it stopped."""

    file: str | None
    episode_id: str | None
    status: Status
    stage: StageName | None
    failure: Failure | None


def process(
    bench: "Bench", named: Sequence[str], signals: Signals, how: Mapping[str, Any], stable: Seconds = 0.0
) -> list[Outcome]:
    """Take everything that `named` stands for through the stages together; one outcome a recording.

    `how` is passed to `Workbench.process`, `stable` to `look`. A recording that cannot be used never stops
    the others.
    """
    items = gather(bench, named, lambda there: look(bench, there, signals, stable))
    if not items:
        terminal.say(f"no recordings found in {', '.join(named)}")
    wanted = {} if signals.cancel else {item.episode_id: item.title for item in items if item.episode_id}
    started = {episode_id: bench.process(episode_id, **how).job_id for episode_id in wanted}
    jobs = watch(bench, {job_id: wanted[episode_id] for episode_id, job_id in started.items()}, signals)
    ended = {job.episode_id: job for job in jobs}
    return [outcome(item, ended.get(item.episode_id)) for item in items]


def look(bench: "Bench", paths: Sequence[str] | None, signals: Signals, stable: Seconds) -> Job:
    """Look for recordings at `paths`, or in the inbox and the set folders; the job, which has ended.

    Files in folders that were written to a moment ago are given `stable` seconds (at most a minute) to be
    whole, and looked at again. Raises SystemExit as `watch` does.
    """
    count = f"{len(paths)} path{'s' * (len(paths) > 1)}" if paths else "the inbox and the set folders"
    job = _looked(bench, paths, f"looking at {count}", signals)
    fresh = job.result["waiting"] if job.result else ()
    if not fresh or not stable or signals.cancel:
        return job
    longest = min(stable, _LONGEST_WAIT)
    many, it = (f"{len(fresh)} files were", "them") if len(fresh) > 1 else ("1 file was", "it")
    terminal.say(f"{many} written to a moment ago: waiting up to {longest:g} s for {it} to be whole")
    until = time.monotonic() + longest + _CLOCKS
    while any(_is_fresh(Path(file), stable) for file in fresh) and time.monotonic() < until:
        if signals.leave:
            raise SystemExit(terminal.TERMINATED)
        if signals.cancel:
            return job
        time.sleep(_LOOK_EVERY)
    return _looked(bench, paths, "looking again", signals)


def _looked(bench: "Bench", paths: Sequence[str] | None, title: str, signals: Signals) -> Job:
    (job,) = watch(bench, {bench.discover(paths).job_id: title}, signals)
    return job


def _is_fresh(file: Path, stable: Seconds) -> bool:
    with suppress(OSError):  # it is gone
        return is_fresh(file, stable, time.time())
    return False


def resume(bench: "Bench", signals: Signals) -> list[Outcome]:
    """Go on with every job that was not finished; one outcome a job, without a file for a discovery.

    A server is at them anyway, and others may have asked for them: Ctrl-C only stops to look on.
    """
    left = bench.resume()
    if not left:
        terminal.say("nothing to resume: every job has ended; name files, folders or episodes to process")
    episodes = {episode.episode_id: episode for episode in bench.episodes()}
    titles = {job.job_id: episodes[job.episode_id].title if job.episode_id else job.job_type for job in left}
    return [
        Outcome(
            file=episodes[job.episode_id].recording if job.episode_id else None,
            episode_id=job.episode_id,
            status=job.status,
            stage=job.current_stage,
            failure=job.failure,
        )
        for job in watch(bench, titles, signals, cancel=not bench.detached)
    ]


def gather(bench: "Bench", named: Sequence[str], look: Look) -> list[Item]:
    """The recordings that `named` (files, folders, episode ids) stands for, each once, in that order.

    A file or folder of that name is preferred to an episode.
    """
    # "" would be the current folder
    there = [name for name in named if name and not _is_misnamed(name) and Path(name).exists()]
    found = _discovered(look(there), there) if there else {}
    episodes = {episode.episode_id: episode.recording for episode in bench.episodes()}
    items: dict[str, Item] = {}
    left = dict(found)
    for name in named:
        if name in there:
            places = [
                place for place in found if _is_in(place, name) and (place in left or Path(name).is_file())
            ]
            renamed = (_called(found[place], name) for place in places)
            items |= {item.file: item for item in renamed}
            left = {place: item for place, item in left.items() if place not in places}
        else:
            item = _episode(name, episodes[name]) if name in episodes else _missing(name)
            items[item.file] = item
    return [*items.values(), *left.values()]


def outcome(item: Item, job: Job | None) -> Outcome:
    """What became of `item`, whose job has ended; without a job it failed before it had one."""
    failure = job.failure if job else item.failure
    if job:
        status, stage = job.status, job.current_stage
    else:
        status, stage = Status.FAILED if failure else Status.CANCELLED, failure.stage if failure else None
    return Outcome(file=item.file, episode_id=item.episode_id, status=status, stage=stage, failure=failure)


def _discovered(job: Job, there: Sequence[str]) -> dict[str, Item]:
    """What `job` found at the paths `there`, by its place, sorted; every file among them is in it."""
    files = [name for name in there if Path(name).is_file()]
    if job.result is None:
        return {_place(name): _failed(name, job.failure) for name in files or there}
    items = [*_recordings(job.result), *_refused(job.result)]
    found = {_place(item.file): item for item in sorted(items, key=lambda item: item.file)}
    strange = {_place(name): _failed(name, _not_media(name)) for name in files}
    return strange | found


def _recordings(result: dict[str, Any]) -> list[Item]:
    return [
        Item(file=found["file"], title=found["title"], episode_id=found["episode_id"])
        for found in result["episodes"]
    ]


def _refused(result: dict[str, Any]) -> list[Item]:
    skipped = [(found["file"], found["reason"], found["kind"], False) for found in result["skipped"]]
    waiting = [
        (file, f"{file} is still being written: try again when it is whole", "StillBeingWritten", True)
        for file in result["waiting"]
    ]
    return [
        Item(
            file=file,
            title=Path(file).name,
            failure=Failure(reason=reason, kind=kind, stage=StageName.DISCOVERED, transient=transient),
        )
        for file, reason, kind, transient in skipped + waiting
    ]


def _episode(episode_id: str, recording: str) -> Item:
    return Item(file=recording, title=episode_id, episode_id=episode_id)


def _missing(name: str) -> Item:
    if _is_misnamed(name):
        unusable = Failure(reason=misnamed(name), kind="UnreadableMedia", stage=StageName.DISCOVERED)
        return _failed(spelled(name), unusable)
    what = name or "an empty name"
    reason = f"{what} is neither a file, a folder nor an episode: `workbench episodes` lists the episodes"
    return _failed(name, Failure(reason=reason, kind="NotFound", stage=StageName.DISCOVERED))


def _is_misnamed(name: str) -> bool:
    return is_misnamed(Path(name).absolute())


def _not_media(name: str) -> Failure:
    reason = f"{name} is not a recording: give it as a video or an audio file"
    return Failure(reason=reason, kind="UnreadableMedia", stage=StageName.DISCOVERED)


def _failed(name: str, failure: Failure | None) -> Item:
    return Item(file=name, title=Path(name).name, failure=failure)


def _called(item: Item, name: str) -> Item:
    """A file that was named keeps that name, so that a script finds it again."""
    return item.model_copy(update={"file": name}) if Path(name).is_file() else item


def _is_in(place: str, name: str) -> bool:
    return Path(place).is_relative_to(_place(name))


def _place(name: str) -> str:
    """One spelling for each place."""
    return str(Path(name).resolve())
