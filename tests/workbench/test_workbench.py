"""The one door, with real recordings, a real cluster and the real speech model."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline import stages
from pipeline.model import AspectRatio, StageName, Variant
from tests.benchmarks.queue import closed_now
from tests.workbench.quick import found, settings_for, the_episode
from workbench import Workbench
from workbench.errors import LibraryBusy, NotFound
from workbench.jobs import Status


def _files(shelf: Path) -> set[str]:
    return {path.relative_to(shelf).as_posix() for path in shelf.rglob("*") if path.is_file()}


def _children() -> list[str]:
    return [child.name() for child in psutil.Process().children(recursive=True)]


def test_an_episode_has_a_page_subtitles_and_clips_under_readable_names(bench: Workbench):
    (episode,) = bench.episodes()
    assert episode.stage is StageName.CLIPPED
    names = _files(bench.shelf(episode.episode_id))
    assert {"index.html", f"{episode.episode_id}.srt", f"{episode.episode_id}.vtt"} <= names
    assert len([name for name in names if name.startswith("clips/") and name.endswith(".mp4")]) == 4


def test_every_clip_says_why_and_has_its_files(bench: Workbench):
    (episode,) = bench.episodes()
    clips = bench.clips(episode.episode_id)
    assert len(clips) == 2
    for clip in clips:
        assert clip.reasons
        assert {file.variant for file in clip.files} == set(Variant)
        assert all(Path(file.path).stat().st_size > 10_000 for file in clip.files)


def test_a_second_run_starts_no_worker_no_ffmpeg_and_no_model(finished: Path):
    code = f"""
import sys, time
from pathlib import Path
from workbench import Workbench
from tests.workbench.quick import settings_for
started = time.monotonic()
with Workbench(settings_for(Path({str(finished)!r}))) as bench:
    (episode,) = bench.episodes()
    files = bench.discover([episode.recording])
    assert bench.wait(files.job_id).result["episodes"]
    job = bench.wait(bench.process(episode.episode_id).job_id)
    assert job.status == "completed", job.failure
    assert bench.slots == 0  # no cluster
assert "distributed" not in sys.modules
assert "faster_whisper" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_another_ratio_renders_only_what_is_missing(bench: Workbench):
    (episode,) = bench.episodes()
    before = {
        file.path: Path(file.path).stat().st_mtime
        for clip in bench.clips(episode.episode_id)
        for file in clip.files
    }
    clip = bench.clips(episode.episode_id)[0]
    job = bench.render_clips(
        episode.episode_id,
        clip_ids=[clip.clip_id],
        variants=[Variant.CLEAN],
        aspect_ratios=[AspectRatio.SQUARE],
    )
    assert bench.wait(job.job_id, 120).status is Status.COMPLETED
    after = {
        file.path: Path(file.path).stat().st_mtime
        for each in bench.clips(episode.episode_id)
        for file in each.files
    }
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1


def test_other_settings_do_not_touch_what_comes_before_the_clips(finished: Path):
    with Workbench(settings_for(finished, clip_count=1, language="en")) as bench:
        (episode,) = bench.episodes()
        job = bench.wait(bench.render_clips(episode.episode_id).job_id, 120)
        assert job.status is Status.COMPLETED
        assert bench.episode(episode.episode_id).artefacts["transcript"] == episode.artefacts["transcript"]
        assert len(bench.clips(episode.episode_id)) == 2


def test_an_unknown_clip_is_named_with_those_that_exist(bench: Workbench):
    (episode,) = bench.episodes()
    with pytest.raises(NotFound, match="no clip 99-nothing; it has 01-"):
        bench.render_clips(episode.episode_id, clip_ids=["99-nothing"])


def test_an_unknown_episode_is_named(empty: Workbench):
    with pytest.raises(NotFound, match="no episode nonesuch"):
        empty.process("nonesuch")


def test_a_bad_file_is_skipped_with_a_reason_and_the_others_are_found(
    empty: Workbench, tone: Path, tmp_path: Path
):
    (tmp_path / "notes.mp4").write_text("not a recording")
    result = found(empty, tmp_path / "notes.mp4", tmp_path / "missing.mp4", tone).result or {}
    assert [episode["file"] for episode in result["episodes"]] == [str(tone)]
    reasons = {Path(skipped["file"]).name: skipped["reason"] for skipped in result["skipped"]}
    assert set(reasons) == {"notes.mp4", "missing.mp4"}
    assert all(name in reason for name, reason in reasons.items())


def test_a_file_that_another_program_is_writing_is_skipped_until_it_is_whole(tmp_path: Path, silence: Path):
    talk, content = tmp_path / "talk.wav", silence.read_bytes()
    talk.write_bytes(content[: len(content) // 2])
    code = f"import time; f = open({str(talk)!r}, 'ab', 0)\nwhile True: f.write(bytes(100)), time.sleep(0.7)"
    with Workbench(settings_for(tmp_path / "library", stable_seconds=10)) as bench:
        with subprocess.Popen([sys.executable, "-c", code]) as writer:
            (skipped,) = (found(bench, talk).result or {})["skipped"]
            writer.kill()
        assert skipped["reason"] == f"{talk} is still being written: try again when it is whole"
        talk.write_bytes(content)
        assert the_episode(bench, talk) == "talk"


@pytest.mark.skipif(sys.platform != "linux", reason="all names are UTF-8 on this system")
@pytest.mark.parametrize("named", ["", "Caf\udce9.mp4"], ids=["its folder is named", "it is named"])
def test_a_file_whose_name_is_not_utf8_is_skipped_with_a_reason_and_the_others_are_found(
    empty: Workbench, tone: Path, tmp_path: Path, named: str
):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("Caf\udce9.mp4", "talk.mp4"):
        os.utime(shutil.copy(tone, folder / name), (0, 0))
    result = found(empty, folder / named, folder / "talk.mp4").result or {}
    assert [episode["file"] for episode in result["episodes"]] == [str(folder / "talk.mp4")]
    (skipped,) = result["skipped"]
    assert skipped["file"] == rf"{folder}/Caf\udce9.mp4"
    assert skipped["reason"] == f"{skipped['file']} has a name that is not UTF-8: rename it"


def test_one_file_is_examined_once_however_its_path_is_written(empty: Workbench, tone: Path):
    found(empty, tone)
    (artefact,) = (empty.library.root / "artefacts/source").iterdir()
    found(empty, tone.parent / ".." / tone.parent.name / tone.name)
    assert list((empty.library.root / "artefacts/source").iterdir()) == [artefact]


def test_the_same_content_under_two_names_is_one_episode(empty: Workbench, tone: Path, tmp_path: Path):
    twin = tmp_path / "twin.mp4"
    twin.write_bytes(tone.read_bytes())
    assert the_episode(empty, tone) == the_episode(empty, twin)
    assert len(empty.episodes()) == 1


@pytest.fixture
def two_copies(tone: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The same content twice: one with metadata beside it, one without."""
    first, copy = tmp_path / "a/mary.mp4", tmp_path / "b/mary_copy.mp4"
    for place in (first, copy):
        place.parent.mkdir()
        shutil.copy(tone, place)
    first.with_suffix(".yaml").write_text("title: Mary\nshow: Nursery\nguests: [Ann]\n")
    return first, copy


def _recording_and_show(bench: Workbench, episode_id: str) -> tuple[str, str, str | None]:
    episode = bench.episode(episode_id)
    return episode.recording, episode.title, stages.source(episode.artefacts["source"]).metadata.show


def test_a_copy_without_metadata_leaves_an_episode_as_it_is(empty: Workbench, two_copies: tuple[Path, Path]):
    first, copy = two_copies
    episode_id = the_episode(empty, first)
    assert the_episode(empty, copy) == episode_id
    assert _recording_and_show(empty, episode_id) == (str(first), "Mary", "Nursery")


def test_a_copy_with_metadata_of_its_own_is_the_episode_from_then_on(
    empty: Workbench, two_copies: tuple[Path, Path]
):
    first, copy = two_copies
    assert the_episode(empty, copy) == the_episode(empty, first)
    assert _recording_and_show(empty, "mary-copy") == (str(first), "Mary", "Nursery")


def test_a_copy_takes_over_when_the_recording_is_gone(empty: Workbench, two_copies: tuple[Path, Path]):
    first, copy = two_copies
    episode_id = the_episode(empty, first)
    first.unlink()
    assert the_episode(empty, copy) == episode_id
    assert _recording_and_show(empty, episode_id) == (str(copy), "Mary", None)


def test_a_copy_takes_over_when_the_recording_was_exchanged_for_one_as_long(
    empty: Workbench, two_copies: tuple[Path, Path]
):
    first, copy = two_copies
    episode_id = the_episode(empty, first)
    first.write_bytes(first.read_bytes()[::-1])
    assert the_episode(empty, copy) == episode_id
    assert _recording_and_show(empty, episode_id)[0] == str(copy)


def test_a_recording_found_by_a_link_to_its_folder_is_no_copy_of_itself(
    empty: Workbench, two_copies: tuple[Path, Path], tmp_path: Path
):
    first, _ = two_copies
    episode_id = the_episode(empty, first)
    first.with_suffix(".yaml").unlink()
    (tmp_path / "link").symlink_to(first.parent)
    assert the_episode(empty, tmp_path / "link" / first.name) == episode_id
    assert _recording_and_show(empty, episode_id)[2] is None


def test_metadata_that_was_removed_is_gone_when_the_recording_is_found_again(
    empty: Workbench, two_copies: tuple[Path, Path]
):
    first, _ = two_copies
    episode_id = the_episode(empty, first)
    first.with_suffix(".yaml").unlink()
    the_episode(empty, first)
    assert _recording_and_show(empty, episode_id) == (str(first), "Mary", None)


def test_other_content_under_the_same_name_is_another_episode(
    empty: Workbench, tone: Path, silence: Path, tmp_path: Path
):
    names = []
    for number, recording in enumerate((tone, silence)):
        place = tmp_path / str(number) / f"talk{recording.suffix}"
        place.parent.mkdir()
        place.write_bytes(recording.read_bytes())
        names.append(the_episode(empty, place))
    assert names[0] == "talk"
    assert names[1].startswith("talk-")


def test_a_recording_without_sound_gets_through_all_stages(empty: Workbench, silent_video: Path):
    job = empty.wait(empty.process(the_episode(empty, silent_video)).job_id, 120)
    assert job.status is Status.COMPLETED, job.failure
    assert (empty.shelf(job.episode_id or "") / "index.html").exists()
    assert empty.clips(job.episode_id or "") == []


def test_a_cancelled_job_leaves_nothing_running_and_can_be_asked_for_again(
    empty: Workbench, demo_recording: Path
):
    episode_id = the_episode(empty, demo_recording)
    job = empty.process(episode_id, target_stage=StageName.TRANSCRIBED)
    deadline = time.monotonic() + 60
    while "transcribing" not in empty.job(job.job_id).message and time.monotonic() < deadline:
        time.sleep(0.05)
    assert empty.cancel(job.job_id).status is Status.CANCELLED
    time.sleep(5)
    assert not any("ffmpeg" in name for name in _children())
    assert list((empty.library.root / "attempts").iterdir()) == []
    again = empty.process(episode_id, target_stage=StageName.TRANSCRIBED)
    assert again.job_id != job.job_id
    assert empty.wait(again.job_id, 120).status is Status.COMPLETED


def test_progress_rises_and_the_job_ends_at_a_hundred(empty: Workbench, demo_recording: Path):
    job = empty.process(the_episode(empty, demo_recording), target_stage=StageName.TRANSCRIBED)
    seen = [empty.job(job.job_id).progress]
    while not empty.job(job.job_id).ended:
        seen.append(empty.job(job.job_id).progress)
        time.sleep(0.05)
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert empty.job(job.job_id).progress == 100


def test_a_library_is_open_in_one_process_at_a_time(finished: Path, bench: Workbench):
    code = f"from workbench import *; Workbench(load_settings(library={str(finished)!r}))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert LibraryBusy.__name__ in other.stderr
    assert f"in use by process {psutil.Process().pid}" in other.stderr


def test_a_job_that_was_left_open_is_taken_up_again(tmp_path: Path, tone: Path):
    settings = settings_for(tmp_path / "library")
    with Workbench(settings) as first:
        job = first.process(the_episode(first, tone), target_stage=StageName.TRANSCRIBED)
    with Workbench(settings) as second:
        assert second.job(job.job_id).status is Status.QUEUED
        assert second.wait(job.job_id, 120).status is Status.COMPLETED


def test_every_job_that_was_left_open_can_be_resumed(tmp_path: Path, tone: Path):
    settings = settings_for(tmp_path / "library")
    with Workbench(settings) as first:
        job = first.process(the_episode(first, tone), target_stage=StageName.TRANSCRIBED)
    with Workbench(settings) as second:
        assert [resumed.job_id for resumed in second.resume()] == [job.job_id]


def test_forcing_makes_everything_anew(tmp_path: Path, tone: Path):
    with Workbench(settings_for(tmp_path / "library")) as bench:
        episode_id = the_episode(bench, tone)
        target = {"target_stage": StageName.TRANSCRIBED}
        bench.wait(bench.process(episode_id, **target).job_id, 120)
        (first,) = bench.files(episode_id)["transcript"]
        before = Path(first).stat().st_mtime_ns
        bench.wait(bench.process(episode_id, **target).job_id, 120)
        assert Path(first).stat().st_mtime_ns == before
        bench.wait(bench.process(episode_id, **target, force_reprocess=True).job_id, 120)
        assert Path(first).stat().st_mtime_ns > before


def test_the_recording_is_never_changed(bench: Workbench, demo_recording: Path):
    (episode,) = bench.episodes()
    assert episode.recording == str(demo_recording)
    assert hashlib.sha256(demo_recording.read_bytes()).hexdigest() == episode.sha256


def test_jobs_that_were_left_open_are_taken_up_without_a_look_at_each(tmp_path: Path, tone: Path):
    closed = settings_for(tmp_path / "library").model_copy(update={"maintenance_windows": (closed_now(),)})
    with Workbench(closed) as bench:
        job = bench.discover([tone])
    with Workbench(closed) as bench:
        assert bench.job_at_hand(job.job_id) is None
        bench.resume()
        assert bench.job_at_hand(job.job_id)
