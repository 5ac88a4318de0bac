"""What there is of an episode, and choosing its clips before any is rendered."""

import shutil
from pathlib import Path

import pytest

from pipeline.model import StageName
from workbench import Workbench
from workbench.errors import NotAllowed


def test_a_rendered_episode_gets_the_clips_that_a_job_would_choose(bench: Workbench):
    (episode,) = bench.episodes()
    by_job = bench.clips(episode.episode_id)
    shutil.rmtree(episode.artefacts["candidates"])  # made again by the test itself
    without = {kind: path for kind, path in episode.artefacts.items() if kind in ("source", "transcript")}
    rendered = {"stage": StageName.RENDERED, "artefacts": without}
    bench._store.save_episode(episode.model_copy(update=rendered))
    try:
        assert bench.clips(episode.episode_id) == []
        chosen = bench.discover_clips(episode.episode_id)
        assert [clip.model_copy(update={"files": ()}) for clip in by_job] == chosen
        assert bench.clips(episode.episode_id) == chosen
        assert bench.episode(episode.episode_id).stage is StageName.RENDERED
        assert list((bench.library.root / "attempts").iterdir()) == []
    finally:
        bench._store.save_episode(episode)


def test_an_episode_that_is_not_rendered_is_not_ready_for_clips(empty: Workbench, tone: Path):
    (found,) = (empty.wait(empty.discover([tone]).job_id).result or {})["episodes"]
    with pytest.raises(NotAllowed, match="is not ready for clips: it has to be transcribed first"):
        empty.discover_clips(found["episode_id"])


def test_what_a_job_has_made_meanwhile_is_not_overwritten(empty: Workbench, tone: Path):
    (found,) = (empty.wait(empty.discover([tone]).job_id).result or {})["episodes"]
    read = empty.episode(found["episode_id"])
    by_job = read.model_copy(update={"artefacts": read.artefacts | {"transcript": "artefacts/ab/transcript"}})
    empty._store.save_episode(by_job)
    with pytest.raises(NotAllowed, match="ask again"):
        empty._store.add_artefacts(read, {"candidates": "artefacts/cd/candidates"})
    assert empty.episode(read.episode_id).artefacts == by_job.artefacts
    same = {"transcript": "artefacts/ab/transcript"}  # two who ask for the same get the same
    assert empty._store.add_artefacts(read, same).artefacts == by_job.artefacts
