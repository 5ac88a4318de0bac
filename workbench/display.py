"""A job, an episode and a clip as short HTML for notebooks."""

from collections.abc import Iterator
from html import escape
from pathlib import PurePath
from typing import TYPE_CHECKING

from pipeline.display import ACCENT, bar, card, short_clock
from pipeline.model import StageName

if TYPE_CHECKING:
    from workbench.jobs import Clip, Episode, Job

_COLOURS = {"completed": "#2b8a3e", "failed": "#e03131", "cancelled": "#d9730d", "running": ACCENT}


def job(value: "Job") -> str:
    """What was asked for, how far it is, and how it ended."""
    colour = _COLOURS.get(value.status, "inherit")
    title = f'{_plain(value.job_type)} <span style="color:{colour}">{_plain(value.status)}</span>'
    return card(title, _facts_of_job(value))


def _facts_of_job(value: "Job") -> Iterator[tuple[str, str]]:
    yield "job", f"<code>{escape(value.job_id)}</code>"
    yield "episode", escape(value.episode_id or "")
    if not value.ended:
        yield "progress", f"{bar(value.progress / 100)}{value.progress:.0f} %"
        yield "now", escape(value.waits_for or value.message)
        yield "time left", "" if value.eta_seconds is None else short_clock(value.eta_seconds)
    if value.started_at and value.finished_at:
        yield "took", short_clock((value.finished_at - value.started_at).total_seconds())
    if value.failure:
        yield "reason", escape(value.failure.reason)
    result = value.result or {}
    yield "found", escape(", ".join(str(each["episode_id"]) for each in result.get("episodes", ())))
    yield "skipped", "<br>".join(escape(str(each["reason"])) for each in result.get("skipped", ()))
    yield "results", escape(str(result.get("shelf", "")))


def episode(value: "Episode") -> str:
    """Its title, how far it has come, and what there is of it."""
    order = list(StageName)
    reached = order.index(value.stage)
    steps = " → ".join(
        f"<b>{stage}</b>" if at <= reached else f'<span style="opacity:.5">{stage}</span>'
        for at, stage in enumerate(order)
    )
    rows = (
        ("episode", f"<code>{escape(value.episode_id)}</code>"),
        ("stage", steps),
        ("length", short_clock(value.duration)),
        ("recording", escape(PurePath(value.recording).name)),
        ("results", escape(_results(value))),
    )
    return card(escape(value.title), rows)


def _results(value: "Episode") -> str:
    files = sum("/" in kind for kind in value.artefacts)
    others = [kind for kind in value.artefacts if "/" not in kind and kind != "source"]
    return ", ".join([*others, *([f"{files} clip files"] if files else [])])


def clip(value: "Clip") -> str:
    """Where it is, why it was chosen, and the files rendered of it."""
    span = value.span
    rows = [
        ("clip", f"<code>{escape(value.clip_id)}</code>"),
        ("span", f"{short_clock(span.start)} to {short_clock(span.end)} ({span.duration:.1f} s)"),
        ("score", f"{bar(value.score)}{value.score:.2f}"),
        *((name, f"{bar(part)}{part:.2f}") for name, part in value.score_parts.items()),
        ("reasons", escape("; ".join(value.reasons))),
        ("files", escape(", ".join(f"{file.aspect_ratio} {file.variant}" for file in value.files))),
    ]
    return card(escape(value.title), rows)


def _plain(name: str) -> str:
    return escape(name.replace("_", " "))
