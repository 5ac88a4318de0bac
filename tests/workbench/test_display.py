"""What a notebook shows of a job, an episode and a clip."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.model import AspectRatio, Span, StageName, Variant
from tests.pipeline.test_display import Balance
from workbench.jobs import Clip, ClipFile, Episode, Failure, Job, JobType, Status

START = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
WILD = "<script>alert(1)</script> & more"


def job(status: Status, **fields: Any) -> Job:
    facts = {"job_id": "1f", "job_type": JobType.PROCESS, "episode_id": "talk", "created_at": START}
    return Job.model_validate(facts | {"status": status} | fields)


def episode(**fields: Any) -> Episode:
    facts = {"episode_id": "talk", "title": "A talk", "stage": "enriched", "duration": 65.0, "sha256": "0"}
    times = {"recording": "/recordings/talk.mp4", "created_at": START, "updated_at": START}
    return Episode.model_validate(facts | times | fields)


def clip(**fields: Any) -> Clip:
    facts = {"clip_id": "01-a", "title": "A", "span": Span(start=61, end=80.5), "score": 0.7}
    parts = {"score_parts": {"hook": 0.4}, "reasons": ("opens strongly",), "files": ()}
    return Clip.model_validate(facts | parts | fields)


def test_a_job_that_runs_shows_how_far_it_is_and_what_it_does() -> None:
    shown = job(Status.RUNNING, progress=42, message="stretch 1 of 2", eta_seconds=61)._repr_html_()
    for text in ("process episode", "running", "42 %", "stretch 1 of 2", "1:01"):
        assert text in shown


def test_a_job_that_waits_says_for_what() -> None:
    assert "maintenance window" in job(Status.QUEUED, waits_for="maintenance window")._repr_html_()


def test_a_job_that_failed_says_why() -> None:
    failed = job(Status.FAILED, failure=Failure(reason=f"{WILD}: no sound", kind="UnreadableMedia"))
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more: no sound" in failed._repr_html_()


def test_a_job_that_is_done_says_how_long_it_took_and_what_came_of_it() -> None:
    times = {"started_at": START, "finished_at": START + timedelta(seconds=75)}
    found = {"episodes": [{"episode_id": "talk"}], "skipped": [{"reason": "b.mp4 is broken"}]}
    shown = job(Status.COMPLETED, result=found, **times)._repr_html_()
    for text in ("1:15", "talk", "b.mp4 is broken"):
        assert text in shown
    assert "progress" not in shown


def test_an_episode_shows_the_stages_that_it_has_reached() -> None:
    shown = episode(artefacts={"transcript": "t", "a/9x16-clean": "c"})._repr_html_()
    assert "<b>enriched</b>" in shown
    assert "<b>rendered</b>" not in shown
    assert "transcript, 1 clip files" in shown
    assert "/recordings" not in shown


def test_a_clip_shows_its_span_its_score_parts_and_its_files() -> None:
    file = ClipFile(variant=Variant.CLEAN, aspect_ratio=AspectRatio.VERTICAL, path="a.mp4")
    shown = clip(files=(file,))._repr_html_()
    for text in ("1:01 to 1:20 (19.5 s)", "hook", "0.40", "opens strongly", "9x16 clean"):
        assert text in shown


@pytest.mark.parametrize(
    "shown", [episode(title=WILD), clip(title=WILD, reasons=(WILD,)), job(Status.QUEUED, message=WILD)]
)
def test_no_text_is_taken_for_html_and_nothing_is_fetched(shown: Any) -> None:
    html = shown._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert Balance(html).open == []
    assert "http" not in html


@pytest.mark.parametrize("stage", StageName)
def test_every_stage_can_be_shown(stage: StageName) -> None:
    assert f"<b>{stage}</b>" in episode(stage=stage)._repr_html_()
