"""Plots of an episode, of its clips and of the cluster's work: one can zoom them and point at what they show.

They are HoloViews objects for its Bokeh backend: `hv.extension("bokeh", inline=True)` comes first. Times are
seconds from the start of the recording, and read as minutes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil
from typing import Any

import holoviews as hv
from bokeh.models import CustomJSTickFormatter

from pipeline.display import ACCENT, short_clock
from pipeline.model import ClipCandidate, Seconds, Share, Span, Transcript
from workbench.episodes import Results
from workbench.jobs import Clip

_WIDTH = 900  # pixels
_LANES = {"clips": "#2b8a3e", "highlights": "#d9730d", "chapters": ACCENT}
"""From the bottom to the top."""
_CLOCK = """
const minutes = Math.floor(tick / 60), seconds = String(Math.floor(tick % 60)).padStart(2, "0");
return `${minutes}:${seconds}`;
"""
_WINDOW: Seconds = 10.0


def timeline(made: Results, clips: Sequence[Clip | ClipCandidate]) -> hv.Rectangles:
    """Chapters, highlights and clips along the recording; pointing at one tells its title, span and score."""
    transcript, enrichment = made.transcript, made.enrichment
    chapters = ((each.span, each.title, None) for each in enrichment.chapters)
    highlights = ((transcript.span(each.words), each.title, each.score) for each in enrichment.highlights)
    chosen = ((each.span, each.title, each.score) for each in clips)
    lanes = {"clips": chosen, "highlights": highlights, "chapters": chapters}
    boxes = [box for lane, spans in lanes.items() for box in _boxes(lane, spans)]
    found = hv.Rectangles(boxes, ["start", "bottom", "end", "top"], ["lane", "title", "span", "score"])
    return found.opts(
        color="lane",
        cmap=_LANES,
        xlim=(0, transcript.duration),
        ylim=(0, len(_LANES)),
        yticks=[(at + 0.5, lane) for at, lane in enumerate(_LANES)],
        hover_tooltips=["title", "span", "score"],
        show_legend=False,
        height=200,
        **_looks("time"),
    )


def score_parts(clips: Sequence[Clip | ClipCandidate]) -> hv.HeatMap:
    """What each clip's score is made of: a row for each clip, the best on top."""
    cells = [
        (part, clip.clip_id, share) for clip in reversed(clips) for part, share in clip.score_parts.items()
    ]
    found = hv.HeatMap(cells, ["part", "clip"], "share")
    return found.opts(
        cmap="Blues",
        clim=(0, 1),
        colorbar=True,
        tools=["hover"],
        xlabel="",
        ylabel="",
        width=_WIDTH,
        height=120 + 30 * len(clips),
        toolbar="above",
    )


def confidence(transcript: Transcript) -> hv.Points:
    """Every word by its time and its probability; pointing at one tells the word."""
    words = [(word.start, word.probability, word.text) for word in transcript.words]
    found = hv.Points(words, ["time", "probability"], "word")
    return found.opts(
        color="probability",
        cmap="RdYlBu",
        clim=(0, 1),
        size=6,
        alpha=0.7,
        ylim=(0, 1.02),
        xlim=(0, transcript.duration),
        hover_tooltips=["word", "probability"],
        height=240,
        **_looks("time"),
    )


def pace(transcript: Transcript) -> hv.Histogram:
    """Words a minute, in stretches of ten seconds; where nothing is said there is none."""
    count = max(1, ceil(transcript.duration / _WINDOW))
    said = [0] * count
    for word in transcript.words:
        said[min(count - 1, int(word.start / _WINDOW))] += 1
    edges = [index * _WINDOW for index in range(count + 1)]
    rates = [each * 60 / _WINDOW for each in said]
    found = hv.Histogram((edges, rates), kdims="time", vdims="words a minute")
    looks = _looks("time") | {"ylabel": "words a minute"}
    return found.opts(color=ACCENT, line_color="white", height=200, tools=["hover"], **looks)


def task_stream(records: Iterable[Mapping[str, Any]]) -> hv.Rectangles:
    """What each worker did when: `records` are those of `distributed.Client.get_task_stream`."""
    done = list(_tasks(records))
    first = min((start for _, _, start, _ in done), default=0.0)
    workers = sorted({worker for worker, *_ in done})
    boxes = [
        (start - first, at, end - first, at + 0.9, step, f"{end - start:.1f} s")
        for worker, step, start, end in done
        for at in [workers.index(worker)]
    ]
    found = hv.Rectangles(boxes, ["start", "bottom", "end", "top"], ["step", "took"])
    return found.opts(
        color="step",
        cmap="Category10",
        show_legend=bool(boxes),
        legend_position="right",
        yticks=[(at + 0.45, f"worker {at + 1}") for at in range(len(workers))] or None,
        hover_tooltips=["step", "took"],
        height=180 + 40 * len(workers),
        **_looks("time since the first task"),
    )


def step_seconds(records: Iterable[Mapping[str, Any]]) -> hv.Bars:
    """How long the workers were at each step, in all; the longest first."""
    spent: dict[str, Seconds] = {}
    for _, step, start, end in _tasks(records):
        spent[step] = spent.get(step, 0.0) + end - start
    rows = sorted(spent.items(), key=lambda each: -each[1])
    found = hv.Bars(rows, "step", "seconds")
    return found.opts(color=ACCENT, tools=["hover"], width=_WIDTH, height=240, xlabel="", toolbar="above")


def _looks(xlabel: str) -> dict[str, Any]:
    """What all plots along a time have in common; a formatter can belong to one plot only."""
    return {
        "width": _WIDTH,
        "xformatter": CustomJSTickFormatter(code=_CLOCK),
        "xlabel": xlabel,
        "ylabel": "",
        "active_tools": ["xwheel_zoom"],
        "default_tools": ["save", "pan", "xwheel_zoom", "reset"],
        "toolbar": "above",
    }


def _boxes(
    lane: str, spans: Iterable[tuple[Span, str, Share | None]]
) -> Iterator[tuple[Seconds, float, Seconds, float, str, str, str, str]]:
    bottom = list(_LANES).index(lane)
    for span, title, score in spans:
        times = f"{short_clock(span.start)} to {short_clock(span.end)} ({span.duration:.0f} s)"
        told = "" if score is None else f"{score:.2f}"
        yield span.start, bottom + 0.1, span.end, bottom + 0.9, lane, title, times, told


def _tasks(records: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, Seconds, Seconds]]:
    """Worker, step, start and end of every task; Dask's key of a task begins with its step."""
    for record in records:
        for part in record["startstops"]:
            if part["action"] == "compute":
                yield record["worker"], str(record["key"]).partition("-")[0], part["start"], part["stop"]
