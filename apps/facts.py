"""How the command line words what the `Workbench` says: lists, single facts, and what to do first."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps import terminal
from pipeline import manifest
from pipeline.model import StageName
from workbench.access import Key
from workbench.jobs import Clip, Episode, Job, Status
from workbench.settings import Chosen, Settings

if TYPE_CHECKING:
    from apps.batch import Outcome
    from apps.doctor import Finding
    from workbench.door import Bench
    from workbench.jobs import CleanUp
    from workbench.moments import Matches


def show_discovery(result: dict[str, Any], inbox: Path) -> None:
    """The episodes that were found, and the files that are none yet, each with why.

    A discovery that was cancelled or failed has no result: its job has said so.
    """
    if not result:
        return
    found = [(one["episode_id"], terminal.clock(one["duration"]), one["file"]) for one in result["episodes"]]
    if found:
        terminal.show_table(("episode", "length", "file"), found)
    for one in result["skipped"]:
        terminal.say(f"skipped: {one['reason']}")
    for file in result["waiting"]:
        terminal.say(f"waiting: {file} is still being written")
    if not any(result.values()):
        terminal.say(f"no recordings found: drop some into {inbox}, or name a file or a folder")


def show_outcomes(bench: "Bench", outcomes: Sequence["Outcome"]) -> None:
    """One row for each recording; a finished one with the place of its results."""
    rows = [
        (one.episode_id or one.file or "discovery", one.status, one.stage or "", _results(bench, one))
        for one in outcomes
    ]
    if rows:
        terminal.show_table(("episode", "status", "stage", "results"), rows)


def show_clips(clips: Sequence[Clip], shelf: Path) -> None:
    """An episode's clips, the best first."""
    if not clips:
        terminal.say("no clips: nothing in the recording was found worth one")
        return
    rows = [
        (clip.clip_id, terminal.clock(clip.span.start), f"{clip.span.duration:.0f} s", *_rated(clip))
        for clip in clips
    ]
    terminal.show_table(("clip", "from", "length", "score", "files", "why"), rows)
    if any(clip.files for clip in clips):
        terminal.show(f"files: {shelf / 'clips'}")


def show_jobs(jobs: Sequence[Job], library: Path, *, as_json: bool) -> None:
    """A row for each job."""
    if as_json:
        terminal.show_json(jobs)
    elif jobs:
        rows = [
            (
                job.job_id,
                job.job_type,
                job.episode_id or "",
                job.status,
                f"{job.progress:.0f} %",
                job.current_stage or "",
                terminal.moment(job.created_at),
                job.message,
            )
            for job in jobs
        ]
        headers = ("job", "type", "episode", "status", "progress", "stage", "created", "message")
        terminal.show_table(headers, rows)
    if not jobs:
        terminal.say(f"no jobs: {first_steps(library)}")


def show_job(job: Job, log: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    """All of a job, and what happened to it."""
    if as_json:
        terminal.show_json({**job.model_dump(mode="json"), "log": log})
        return
    facts = [(name, _fact(value)) for name, value in job if name not in ("params", "result", "failure")]
    failure = [("failure", job.failure.reason)] if job.failure else []
    params = [("params", json.dumps(job.params)), ("result", json.dumps(job.result) if job.result else None)]
    terminal.show_facts([*facts, *failure, *params])
    rows = [(terminal.moment(one["at_utc"]), one["kind"], _event(one["body"])) for one in log]
    terminal.show_table(("\nwhen", "\nwhat", ""), rows)


def show_episodes(episodes: Sequence[Episode], library: Path, *, as_json: bool) -> None:
    """A row for each episode."""
    if as_json:
        terminal.show_json(episodes)
    elif episodes:
        rows = [
            (
                one.episode_id,
                one.stage,
                terminal.clock(one.duration),
                terminal.moment(one.updated_at),
                one.title,
            )
            for one in episodes
        ]
        terminal.show_table(("episode", "stage", "length", "updated", "title"), rows)
    if not episodes:
        terminal.say(f"no episodes yet: {first_steps(library)}")


def show_matches(found: "Matches", *, as_json: bool) -> None:
    """A row for each sentence that was found."""
    if as_json:
        terminal.show_json(found)
        return
    rows = [(one.episode_id, terminal.clock(one.start), one.speaker or "", one.text) for one in found.moments]
    if rows:
        terminal.show_table(("episode", "at", "speaker", "sentence"), rows)
    else:
        terminal.say("no sentence has all of these words: try fewer, or other ones")
    if found.more:
        terminal.say("there are more: add a word, or raise --limit")
    if found.unread:
        terminal.say(f"{found.unread} episodes are still being read: ask again in a moment")


def show_episode(bench: "Bench", episode: Episode, library: Path, *, as_json: bool) -> None:
    """All that is known of an episode, and where its files are."""
    clips, shelf = bench.clips(episode.episode_id), bench.shelf(episode.episode_id)
    notes = manifest.notes(episode.artefacts.values())
    if as_json:
        paths = {"shelf": shelf, "files": bench.files(episode.episode_id)}
        terminal.show_json({**episode.model_dump(mode="json"), **paths, "clips": clips, "notes": notes})
        return
    terminal.show_facts(
        [
            ("episode", episode.episode_id),
            ("title", episode.title),
            ("stage", episode.stage),
            ("length", terminal.clock(episode.duration)),
            ("recording", episode.recording),
            ("sha256", episode.sha256),
            ("created", terminal.moment(episode.created_at)),
            ("updated", terminal.moment(episode.updated_at)),
            *(("note", note) for note in notes),
            *results(shelf),
            *_content(episode),
        ]
    )
    if clips:
        show_clips(clips, shelf)
    if episode.stage is not StageName.CLIPPED:
        terminal.say(f"Next: workbench process {episode.episode_id}{at(library)}")


def results(shelf: Path) -> list[tuple[str, object]]:
    """Where an episode's readable results are, as far as they are there."""
    subtitles = [path for pattern in ("*.srt", "*.vtt") for path in sorted(shelf.glob(pattern))]
    places = [("page", shelf / "index.html"), *(("subtitles", path) for path in subtitles)]
    return [(name, path) for name, path in [*places, ("clips", shelf / "clips")] if path.exists()]


def at(library: Path) -> str:
    """The flag that names `library`, for a command that a person may type; nothing for the default one."""
    is_default = library == Settings.model_fields["library"].default
    return "" if is_default else f" --library {typed(library)}"


def typed(path: Path) -> str:
    """`path` as it is typed in a command."""
    return f'"{path}"' if " " in str(path) else str(path)


def show_finding(finding: "Finding") -> None:
    """A line for one of the doctor's checks, and one for what to do."""
    terminal.show(f"{finding.check:<13} {finding.state:<8} {finding.found}")
    if finding.advice:
        terminal.show(f"{'':<22} {finding.advice}")


def template(settings: Sequence[Chosen]) -> str:
    """A settings file in which every setting stands with its default, commented out."""
    lines = ["# Settings of this library. Variables named WORKBENCH_<SETTING> and flags are stronger.", ""]
    for one in settings:
        if one.name != "library":
            lines += [f"# {one.help}", f"# {one.name} = {toml(one.value)}".rstrip(), ""]
    return "\n".join(lines)


def toml(value: object) -> str:
    """`value` as it is written in the settings file; nothing for one that is not set."""
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def first_steps(library: Path) -> str:
    """What to do in an empty library."""
    inbox = library / "inbox"
    return (
        f"run `workbench process FILE{at(library)}`, or drop recordings into {inbox} and run "
        f"`workbench process {typed(inbox)}{at(library)}`"
    )


def _results(bench: "Bench", outcome: "Outcome") -> str:
    if outcome.failure:
        return outcome.failure.reason
    if outcome.status is not Status.COMPLETED or outcome.episode_id is None:
        return ""
    shelf = bench.shelf(outcome.episode_id)
    return str(shelf / "index.html" if (shelf / "index.html").exists() else shelf)


def _rated(clip: Clip) -> tuple[str, int, str]:
    return f"{clip.score:.2f}", len(clip.files), "; ".join(clip.reasons)


def _fact(value: object) -> object:
    return terminal.moment(value) if isinstance(value, datetime) else value


def _event(body: dict[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" if name != "message" else str(value) for name, value in body.items())


def _content(episode: Episode) -> list[tuple[str, object]]:
    """What the episode is about, once it is enriched."""
    if "enrichment" not in episode.artefacts:
        return []
    from pipeline import stages  # most facts need none of it

    known = stages.enrichment(episode.artefacts["enrichment"])
    return [
        ("enricher", " ".join(filter(None, (known.enricher, known.model)))),
        ("summary", known.summary),
        ("keywords", ", ".join(known.keywords)),
        ("names", ", ".join(name.name for name in known.names)),
        *(("chapter", f"{terminal.clock(one.span.start)} {one.title}") for one in known.chapters),
        *(("quote", f"“{one.text}”") for one in known.quotes),
    ]


def show_clean_up(cleaned: "CleanUp", *, dry_run: bool, as_json: bool) -> None:
    """What was removed, or would be."""
    if as_json:
        terminal.show_json({**cleaned.model_dump(mode="json"), "dry_run": dry_run})
        return
    rows = [(each.path, megabytes(each.bytes)) for each in cleaned.artefacts]
    if rows:
        terminal.show_table(("artefact", "size"), rows)
    jobs, count = cleaned.jobs, len(rows)
    what = (
        f"{jobs} job{'s' * (jobs != 1)} and {count} artefact{'s' * (count != 1)} ({megabytes(cleaned.bytes)})"
    )
    terminal.show(f"{what} would be removed" if dry_run else f"removed {what}")


def megabytes(count: int) -> str:
    """A number of bytes as people here read it."""
    return f"{count / 1e6:.1f} MB"


def show_keys(keys: Sequence[Key], text: str | None, *, as_json: bool) -> None:
    """The API keys; `text` is a new one, which nobody can show again."""
    if as_json:
        terminal.show_json({"keys": list(keys), "key": text})
        return
    if text:
        terminal.show(text)
        terminal.say("This key is shown once: keep it where secrets are kept.")
        return
    rows = [
        (
            key.key_id,
            key.name,
            key.scope,
            terminal.moment(key.created_at),
            "revoked" if key.revoked_at else "",
        )
        for key in keys
    ]
    terminal.show_table(("key", "name", "may", "made", ""), rows)
    if not rows:
        terminal.say("No keys: on this machine everybody may do everything. `workbench keys NAME` makes one.")
