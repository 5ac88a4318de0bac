"""What a job consists of: the tasks it has left, what a failed one means for it, and its result."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pipeline import discover, manifest, plan, stages
from pipeline.clip_review import withdrawn
from pipeline.edits import holding, titled
from pipeline.errors import UnreadableMedia
from pipeline.model import Metadata, Rendition, Seconds, Share, Source, StageName
from pipeline.plan import Find, Progress, Recording, Wanted
from pipeline.task import Ref, Task
from workbench.errors import LibraryBroken, NotFound
from workbench.estimate import Usual, usual
from workbench.file_names import slug_of
from workbench.forecast import Phase, discovery, phases_of, stretches_of
from workbench.jobs import Episode, Failure, Job, JobType, Outcome, Request, now
from workbench.library import Library
from workbench.store import Store

_LOOK_AHEAD = 64
"""Files of a discovery that are offered at once: more than the workers of most clusters."""


@dataclass(frozen=True)
class Agenda:
    """Where a job stands: what can start now, and how much of the stage is done."""

    stage: StageName
    tasks: tuple[Task, ...]
    done: Share
    leftovers: tuple[Ref, ...] = ()
    """Artefacts that this job no longer needs."""


class Work(Protocol):
    """A job's work. Each call looks at the library afresh, so it can be taken up anywhere."""

    target: StageName
    usual: Usual
    """How long each stage usually takes for what is asked."""
    phases: tuple[Phase, ...]
    """All that it consists of, as if nothing of it were done; the estimates of the time left go by them."""

    def agenda(self) -> Agenda:
        """What is left; no tasks and nothing running means that the job is done."""
        ...

    def failed(self, task: Task, outcome: Outcome) -> Failure | None:
        """What the final failure of `task` means: the job's failure, or None if the job goes on."""
        ...

    def result(self) -> dict[str, Any]:
        """The job's result, once nothing is left to do."""
        ...

    def follow(self) -> tuple[Request, ...]:
        """The jobs that come of its result, which was asked for before."""
        ...


def work_of(job: Job, library: Library, store: Store) -> Work:
    """The work that `job` asks for."""
    if job.job_type is JobType.DISCOVER:
        return Discovery(job, library, store)
    return Processing(job, library, store)


@dataclass
class Discovery:
    """Examining files: each one ends as an episode, or as a reason why not."""

    job: Job
    library: Library
    store: Store
    target: StageName = StageName.DISCOVERED
    usual: Usual = field(default_factory=lambda: dict.fromkeys(StageName, 0.0))
    phases: tuple[Phase, ...] = ()
    _skipped: dict[str, dict[str, str]] = field(default_factory=dict)
    _found: dict[str, Ref] = field(default_factory=dict)
    _episode_ids: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._files = tuple(dict.fromkeys(self.job.params["files"]))
        self.phases = discovery(len(self._files))
        self._waiting: dict[str, Task] = {}
        for file in self._files:
            if task := self._task(Path(file)):
                self._waiting[file] = task

    def agenda(self) -> Agenda:
        """The next few files: what is asked after each finished one may not grow with their number."""
        tasks: list[Task] = []
        settled: list[str] = []
        for file, task in self._waiting.items():
            if len(tasks) == _LOOK_AHEAD:
                break
            if ref := self._source(task):
                self._found[file] = ref
            if ref or file in self._skipped:
                settled.append(file)
            else:
                tasks.append(task)
        for file in settled:
            del self._waiting[file]
        done = 1 - len(self._waiting) / len(self._files) if self._files else 1.0
        return Agenda(StageName.DISCOVERED, tuple(tasks), done)

    def failed(self, task: Task, outcome: Outcome) -> Failure | None:
        self._skip(Path(task.inputs["recording"]), outcome.failure or "", outcome.kind)
        return None

    def result(self) -> dict[str, Any]:
        found = [(Path(file), self._found[file]) for file in self._files if file in self._found]
        return {
            "episodes": [self._register(file, ref) for file, ref in found],
            "skipped": [*self._skipped.values(), *self._closed(), *self.job.params.get("refused", ())],
            "waiting": list(self.job.params["waiting"]),
        }

    def follow(self) -> tuple[Request, ...]:
        """What was found is processed when the job was asked to see to that, and not finished yet."""
        wanted = self.job.params.get("process")
        if not wanted:
            return ()
        order = list(StageName)
        target = order.index(StageName(wanted["target_stage"]))
        return tuple(
            Request(
                job_type=JobType.PROCESS,
                episode_id=episode_id,
                params=wanted,
                priority=self.job.priority,
                webhook_url=self.job.webhook_url,
                requested_by=self.job.requested_by,
            )
            for episode_id in self._episode_ids
            if order.index(self.store.episode(episode_id).stage) < target
        )

    def _closed(self) -> list[dict[str, str]]:
        """Folders that could not be looked into."""
        sentences = self.job.params["closed"]
        return [
            {"file": each.split(" cannot be")[0], "reason": each, "kind": "OSError"} for each in sentences
        ]

    def _task(self, file: Path) -> Task | None:
        try:
            task = plan.discovery(file, discover.fingerprint(file), self.job.params.get("settle", 0.0))
        except OSError as error:
            self._skip(file, f"{file} cannot be read: {error.strerror}", "UnreadableMedia")
            return None
        return task.model_copy(update={"share": 1 / len(self._files)})

    def _source(self, task: Task) -> Ref | None:
        key = task.outputs["source"]
        folder = self.library.find("source", key)
        return Ref(path=str(folder), key=key) if folder else None

    def _skip(self, file: Path, reason: str, kind: str) -> None:
        self._skipped[str(file)] = {"file": str(file), "reason": reason, "kind": kind}

    def _register(self, file: Path, ref: Ref) -> dict[str, Any]:
        source = stages.source(ref.path)
        facts = {"duration": source.media.duration, "recording": str(file)}
        if source.metadata.title:
            facts["title"] = source.metadata.title
        known = self.store.episode_by_content(source.sha256)
        if known and _is_its_copy(known, file, source):
            episode = known
        elif known:
            if self.store.reviews.review(known.episode_id).edits:
                facts.pop("title", None)  # what people have made of it stays
            episode = self.store.change_episode(known.episode_id, partial(_found_again, facts, ref))
        else:
            episode = self.store.save_episode(self._new(file, ref, source.sha256, facts))
        self._episode_ids[episode.episode_id] = None
        facts = episode.model_dump(mode="json", include={"episode_id", "title", "duration"})
        return facts | {"file": str(file)}

    def _new(self, file: Path, ref: Ref, sha256: str, facts: dict[str, Any]) -> Episode:
        return Episode(
            episode_id=self._new_id(file, sha256),
            sha256=sha256,
            stage=StageName.DISCOVERED,
            artefacts={"source": ref.path},
            created_at=now(),
            updated_at=now(),
            **{"title": file.stem} | facts,
        )

    def _new_id(self, file: Path, sha256: str) -> str:
        """A readable id that is this content's alone."""
        slug = slug_of(file.stem)
        try:
            self.store.episode(slug)
        except NotFound:
            return slug
        return f"{slug}-{sha256[:8]}"


def _is_its_copy(known: Episode, file: Path, source: Source) -> bool:
    """Whether `file` has no metadata, and the recording that the episode knows is as it was found."""
    recording, paper = Path(known.recording), manifest.read(Path(known.artefacts["source"]))
    try:
        as_now = plan.discovery(recording, discover.fingerprint(recording)).outputs["source"]
        unchanged = paper is not None and paper.key == as_now
        return unchanged and source.metadata == Metadata() and file.resolve() != recording.resolve()
    except OSError:  # it is gone, or nobody here may see it
        return False


def _found_again(facts: dict[str, Any], ref: Ref, episode: Episode) -> Episode:
    return episode.model_copy(update=facts | {"artefacts": episode.artefacts | {"source": ref.path}})


@dataclass
class Processing:
    """Taking an episode to its target stage, or rendering some of its clips."""

    job: Job
    library: Library
    store: Store
    _last: Progress | None = None

    def __post_init__(self) -> None:
        episode = self.store.episode(self.job.episode_id or "")
        folder = episode.artefacts["source"]
        if not manifest.read(Path(folder)):
            raise LibraryBroken(
                f"the facts of episode {episode.episode_id} are gone: discover {episode.recording} again"
            )
        self._recording = Recording(
            episode_id=episode.episode_id, source=stages.source(folder), folder=folder
        )
        first = self.job.params.get("made_since")
        self._asked = datetime.fromisoformat(first) if first else self.job.created_at
        self._wanted = wanted_of(self.job.params)
        self.target = self._wanted.target
        asks_llm = self._wanted.options.enrich.base_url is not None
        self.usual = usual(*_sizes(self._wanted, self._recording.seconds), asks_llm=asks_llm)
        self.phases = phases_for(self._wanted, self._recording.seconds)

    def agenda(self) -> Agenda:
        self._last = reached = plan.plan(self._recording, self._now_wanted, self._find)
        if reached.tasks:
            self._refuse_another_recording()
        return Agenda(reached.stage, reached.tasks, reached.done, reached.leftovers)

    def failed(self, task: Task, outcome: Outcome) -> Failure | None:
        return Failure(
            reason=self._named(outcome.failure or ""),
            kind=outcome.kind,
            stage=task.stage,
            transient=outcome.transient,
        )

    def result(self) -> dict[str, Any]:
        reached = self._last or plan.plan(self._recording, self._now_wanted, self._find)
        found = reached.artefacts.get("enrichment")
        bring = partial(self._brought, reached, stages.enrichment(found.path).title if found else None)
        episode = self.store.episode(self._recording.episode_id)
        if bring(episode) != episode:
            episode = self.store.change_episode(episode.episode_id, bring)
        shelf = self.library.arrange(
            episode.episode_id, shelved(episode), Path(self._recording.source.media.path)
        )
        return {
            "episode_id": episode.episode_id,
            "stage": reached.stage,
            "duration": self._recording.seconds,
            "shelf": str(shelf),
            "notes": manifest.notes(ref.path for ref in reached.artefacts.values()),
        }

    def follow(self) -> tuple[Request, ...]:
        return ()

    def _brought(self, reached: Progress, title: str | None, episode: Episode) -> Episode:
        """With what people have changed up to the moment in which the episode is written."""
        made = holding(self.store.reviews.review(episode.episode_id).based, *_keys(reached))
        gone = withdrawn({kind.partition("/")[0] for kind in episode.artefacts if "/" in kind}, made)
        return brought(reached, titled(title, made) if title else None, gone, episode)

    @property
    def _now_wanted(self) -> Wanted:
        """With what people have changed up to this moment: what is made is never behind that."""
        return replace(self._wanted, edits=self.store.reviews.review(self._recording.episode_id).based)

    @property
    def _find(self) -> Find:
        """Forced work counts only what was made since it was asked for, by the first of its tries."""
        if not self.job.params["force_reprocess"]:
            return partial(_find_since, self.library, None)
        self._asked = min(self._asked, now())  # a clock that was set back dates what is made before that
        return partial(_find_since, self.library, self._asked)

    def _refuse_another_recording(self) -> None:
        """What is made of a file that was exchanged would be kept as if it were of the old one."""
        source = self._recording.source
        file = Path(source.media.path)
        if file.is_file() and file.stat().st_size != source.bytes:
            raise UnreadableMedia(f"{file} has changed since it was discovered: discover it again")

    def _named(self, reason: str) -> str:
        name = Path(self._recording.source.media.path).name
        return reason if name in reason else f"{name}: {reason}"


def wanted_of(params: Mapping[str, Any]) -> Wanted:
    """What a job's stored parameters ask for."""
    clip_ids, clip_files = params["clip_ids"], params.get("clip_files")
    return Wanted(
        target=StageName(params["target_stage"]),
        options=stages.Options.model_validate(params["options"]),
        renditions=tuple(Rendition.model_validate(each) for each in params["renditions"]),
        clip_ids=tuple(clip_ids) if clip_ids is not None else None,
        clip_files=frozenset(clip_files) if clip_files is not None else None,
    )


def phases_for(wanted: Wanted, seconds: Seconds) -> tuple[Phase, ...]:
    """All that has to be done for what is wanted of a recording of `seconds`."""
    enrich, heard_by = wanted.options.enrich, wanted.options.transcribe.model
    llm = enrich.model if enrich.base_url else None
    models = {"prepare": heard_by, "stretch": heard_by, "enrich": llm or ""}
    sizes, stretches = _sizes(wanted, seconds), stretches_of(seconds)
    return phases_of(*sizes, wanted.target, asks_llm=llm is not None, stretches=stretches, models=models)


def _sizes(wanted: Wanted, seconds: Seconds) -> tuple[Seconds, int, Seconds, int]:
    """Seconds of the recording, number and likely length of the clips, renditions of each."""
    chosen = wanted.options.candidates
    clips = chosen.count if wanted.clip_ids is None else len(wanted.clip_ids)
    return seconds, clips, (chosen.shortest + chosen.longest) / 2, len(wanted.renditions)


def _keys(reached: Progress) -> list[str]:
    return [ref.key for kind, ref in reached.artefacts.items() if kind in ("transcript", "enrichment")]


def brought(reached: Progress, title: str | None, gone: Collection[str], episode: Episode) -> Episode:
    """The episode with what a job has `reached`, without what that makes stale and without clips `gone`."""
    artefacts = {kind: ref.path for kind, ref in reached.artefacts.items()}
    kept = still_current(episode.artefacts, artefacts)
    untouched = len(kept) == len(episode.artefacts)
    kept = {kind: folder for kind, folder in kept.items() if kind.partition("/")[0] not in gone}
    further = max(episode.stage, reached.stage, key=list(StageName).index) if untouched else reached.stage
    facts = {"stage": further, "title": title or episode.title, "artefacts": kept | artefacts}
    return episode.model_copy(update=facts)


def still_current(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Of an episode's artefacts those that were not made of one that has been replaced since."""
    stale: set[str] = set()
    for kind in ("transcript", "enrichment", "candidates"):
        if kind in before and kind in after and before[kind] != after[kind]:
            stale |= {made for made in before if _is_made_of(made, kind)}
    return {kind: folder for kind, folder in before.items() if kind not in stale}


def _is_made_of(kind: str, origin: str) -> bool:
    if origin == "transcript":
        return kind not in ("source", "pictures", "transcript")
    is_clip = "/" in kind
    return is_clip or (origin == "enrichment" and kind in ("page", "candidates"))


def shelved(episode: Episode) -> dict[str, Path]:
    """Name on the shelf → file, for every current artefact that a person may want."""
    files: dict[str, Path] = {}
    for kind, folder in episode.artefacts.items():
        clip_id, _, rendition = kind.partition("/")
        for file in artefact_files(folder):
            if kind == "page" or (kind == "pictures" and file.name != "pictures.json"):
                files[file.relative_to(folder).as_posix()] = file
            elif kind in ("transcript", "enrichment", "candidates"):
                name = f"{episode.episode_id}.{'words' if kind == 'transcript' else kind}.json"
                files.setdefault(name, file)  # those beside the page are as people have corrected them
            elif rendition:
                files[f"clips/{clip_id}.{rendition}{file.suffix}"] = file
    return files


def artefact_files(folder: str) -> list[Path]:
    """The files of an artefact, without its manifest; none when it is gone or broken."""
    paper = manifest.read(Path(folder))
    return [Path(folder) / file.path for file in paper.files] if paper else []


def _find_since(library: Library, made_since: datetime | None, kind: str, key: str) -> Path | None:
    folder = library.find(kind, key)
    if folder and made_since and (folder / manifest.NAME).stat().st_mtime < made_since.timestamp():
        return None
    return folder
