"""How true the time left is: a mixed run of jobs, and what each was told against what it took.

    python -m tests.benchmarks.eta [--log FILE] [--pieces N]

Pieces of the 16-minute episode in `../shared/media`, of different lengths, with and without their picture,
go through a new library with two workers: up to different stages, with clips and without, some asked for
while others run. The first few run in a fresh library; the rest has them as its history.

Every open job is asked five times a second for its progress, `eta_seconds` and `eta_p90_seconds`. The error
of an estimate is |estimated time left - true time left| / true time left, at the moment of the estimate; the
first reading at or above 25 % is the one "at 25 %". Estimates at 0 % are the first ones that are at least
1.5 s old (they are renewed every second), whether the job runs or waits. Left out are jobs that took less
than three seconds of work: they had next to nothing to do, and times are told in whole seconds.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from pipeline import ffmpeg
from pipeline.model import AspectRatio, StageName, Variant
from workbench import Settings, Workbench
from workbench.jobs import Job, Request, Status

EPISODE = Path(__file__).parents[3] / "shared/media/episode/episode_dev_16min.mp4"
ALLOWED = 0.20
_LOOK_EVERY, _RENEWED, _LEAST = 0.2, 1.5, 3.0
_FRESH = 4
"""Jobs that are done before the others are asked for."""
_PIECES: tuple[tuple[int, int, bool, StageName], ...] = (
    (0, 120, True, StageName.CLIPPED),
    (120, 180, False, StageName.TRANSCRIBED),
    (300, 240, True, StageName.RENDERED),
    (540, 90, False, StageName.CLIPPED),
    (60, 300, True, StageName.TRANSCRIBED),
    (400, 150, True, StageName.CLIPPED),
    (0, 600, False, StageName.RENDERED),
    (700, 200, True, StageName.CLIPPED),
    (200, 480, True, StageName.TRANSCRIBED),
    (30, 100, False, StageName.CLIPPED),
    (500, 360, False, StageName.ENRICHED),
    (600, 240, True, StageName.CLIPPED),
    (0, 420, True, StageName.RENDERED),
    (350, 600, False, StageName.TRANSCRIBED),
    (760, 130, True, StageName.CLIPPED),
    (90, 540, True, StageName.RENDERED),
    (450, 200, False, StageName.TRANSCRIBED),
    (150, 170, True, StageName.CLIPPED),
    (0, 780, False, StageName.TRANSCRIBED),
    (260, 330, True, StageName.ENRICHED),
    (800, 160, False, StageName.CLIPPED),
    (20, 660, True, StageName.TRANSCRIBED),
    (420, 300, False, StageName.RENDERED),
    (560, 400, True, StageName.TRANSCRIBED),
)
"""Start and length in seconds, whether with the picture, and how far it goes."""


@dataclass(frozen=True)
class Reading:
    """What a job said at one moment."""

    at: float
    status: Status
    progress: float
    eta: float | None
    p90: float | None


@dataclass
class Story:
    """A job from being asked for to its end."""

    name: str
    is_fresh: bool
    asked_at: float
    readings: list[Reading] = field(default_factory=list)
    worked: float = 0.0
    ended_at: float | None = None

    def look(self, job: Job) -> None:
        if job.ended:
            assert job.status is Status.COMPLETED, job.failure
            assert job.finished_at
            assert job.started_at
            self.ended_at = job.finished_at.timestamp()
            self.worked = self.ended_at - job.started_at.timestamp()
            return
        self.readings.append(
            Reading(time.time(), job.status, job.progress, job.eta_seconds, job.eta_p90_seconds)
        )

    def at(self, percent: float) -> Reading | None:
        """The estimate at `percent`; None when it was never seen there."""
        if not percent:
            return next((each for each in self.readings if each.at - self.asked_at >= _RENEWED), None)
        return next((each for each in self.readings if each.progress >= percent), None)

    def left(self, reading: Reading) -> float:
        assert self.ended_at
        return self.ended_at - reading.at


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--log", type=Path, help="write every reading to this file, as CSV")
    parser.add_argument("--pieces", type=int, default=len(_PIECES), help="how many jobs (default: all)")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        stories = _run(Path(folder), arguments.pieces)
    if arguments.log:
        _write(arguments.log, stories)
    print(f"{len(stories)} jobs in {time.monotonic() - started:.0f} s; an error is |estimated time left -")
    print(f"true time left| / true time left; without jobs of less than {_LEAST:g} s of work")
    counted = [story for story in stories if story.worked >= _LEAST]
    fresh = [story for story in counted if story.is_fresh]
    later = [story for story in counted if not story.is_fresh]
    for name, group in (("all", counted), ("fresh library", fresh), ("with history", later)):
        print(f"\n{name}: {len(group)} jobs\n     at   estimates  median error  p90 error  within p90  null")
        for percent in (0, 25, 50):
            print(_line(group, percent))
    errors = _errors(counted, 25)
    return int(not errors or median(errors) > ALLOWED)


def _run(folder: Path, pieces: int) -> list[Story]:
    files = [_cut(folder, *piece[:3]) for piece in _PIECES[:pieces]]
    settings = Settings(
        library=folder / "library",
        workers=2,
        model="tiny.en",
        stable_seconds=0,
        clip_count=3,
        clip_max_seconds=30,
        variants=tuple(Variant),
        aspect_ratios=(AspectRatio.VERTICAL,),
    )
    with Workbench(settings) as bench:
        found = bench.wait(bench.discover(files).job_id).result or {}
        episodes = {episode["file"]: episode["episode_id"] for episode in found["episodes"]}
        wishes = [
            bench.process_request(episodes[str(file)], piece[3])
            for file, piece in zip(files, _PIECES, strict=False)
        ]
        return _told(bench, wishes)


def _told(bench: Workbench, wishes: list[Request]) -> list[Story]:
    """The stories of jobs of which a few are asked for at first, more then, and the rest meanwhile."""
    stories: dict[str, Story] = {}
    middle = (_FRESH + len(wishes)) // 2

    def ask(requests: Sequence[Request]) -> None:
        for request in requests:
            (made,) = bench.submit([request])
            name = f"{request.episode_id} to {request.params['target_stage']}"
            stories[made.job.job_id] = Story(name, len(stories) < _FRESH, time.time())

    def ended() -> int:
        return sum(story.ended_at is not None for story in stories.values())

    ask(wishes[:_FRESH])
    _until(bench, stories, lambda: ended() == _FRESH)
    ask(wishes[_FRESH:middle])
    _until(bench, stories, lambda: ended() >= min(_FRESH + 3, len(stories)))
    ask(wishes[middle:])
    _until(bench, stories, lambda: ended() == len(wishes))
    return list(stories.values())


def _until(bench: Workbench, stories: dict[str, Story], reached: Callable[[], bool]) -> None:
    while not reached():
        for job_id, story in stories.items():
            if story.ended_at is None:
                story.look(bench.job(job_id))
        time.sleep(_LOOK_EVERY)


def _cut(folder: Path, start: int, length: int, has_picture: bool) -> Path:
    file = folder / f"piece-{start}-{length}.{'mp4' if has_picture else 'm4a'}"
    streams = ["-c", "copy"] if has_picture else ["-vn", "-c:a", "copy"]
    span = ["-ss", str(start), "-t", str(length), "-i", str(EPISODE)]
    ffmpeg.run([*span, *streams, str(file)], length=length, report=lambda share: None)
    return file


def _errors(stories: Sequence[Story], percent: float) -> list[float]:
    readings = [(story, reading) for story in stories if (reading := story.at(percent))]
    return [
        abs(reading.eta - story.left(reading)) / story.left(reading)
        for story, reading in readings
        if reading.eta is not None
    ]


def _line(stories: Sequence[Story], percent: float) -> str:
    readings = [(story, reading) for story in stories if (reading := story.at(percent))]
    errors = _errors(stories, percent)
    if not errors:
        return f"{percent:5} %   {0:9}  {'-':>12}  {'-':>9}  {'-':>10}  {len(readings):4}"
    high = quantiles(errors, n=10, method="inclusive")[-1] if len(errors) > 1 else errors[0]
    within = [story.left(each) <= each.p90 for story, each in readings if each.p90 is not None]
    share = sum(within) / len(within)
    nulls = len(readings) - len(errors)
    return f"{percent:5} %   {len(errors):9}  {median(errors):12.1%}  {high:9.1%}  {share:10.0%}  {nulls:4}"


def _write(file: Path, stories: Sequence[Story]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(["job", "fresh", "left", "status", "progress", "eta_seconds", "eta_p90_seconds"])
        for story in stories:
            for each in story.readings:
                left = f"{story.left(each):.2f}"
                rows.writerow(
                    [story.name, story.is_fresh, left, each.status, each.progress, each.eta, each.p90]
                )


if __name__ == "__main__":
    sys.exit(main())
