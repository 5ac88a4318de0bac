"""Editing an episode that is finished: each test takes back what it has changed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.edits import CorrectEverywhere, CorrectWords, Edit, NewClip, ReviewClip, WriteText
from pipeline.model import StageName, Variant, WordSpan
from tests.workbench.quick import the_episode
from workbench import Workbench
from workbench.episodes import Results
from workbench.errors import NotAllowed, NotFound
from workbench.jobs import Episode, Status


class Desk:
    """A person at the finished episode."""

    def __init__(self, bench: Workbench, episode: Episode) -> None:
        self.bench, self.episode_id = bench, episode.episode_id

    @property
    def episode(self) -> Episode:
        return self.bench.episode(self.episode_id)

    def edit(self, edit: Edit) -> None:
        self.bench.editing.edit(self.episode_id, edit, who="Ada")

    def undo(self) -> None:
        self.bench.editing.undo(self.episode_id, "Ada")

    def text(self, name: str) -> str:
        return (self.bench.shelf(self.episode_id) / f"{self.episode_id}.{name}").read_text()

    def rebuild(self) -> None:
        job = self.bench.wait(self.bench.rebuild(self.episode_id).job_id, 120)
        assert job.status is Status.COMPLETED, job.failure

    def inodes(self) -> dict[str, int]:
        shelf = self.bench.shelf(self.episode_id)
        return {
            file.relative_to(shelf).as_posix(): file.stat().st_ino
            for file in shelf.rglob("*")
            if file.is_file()
        }


@pytest.fixture
def desk(bench: Workbench) -> Iterator[Desk]:
    (episode,) = [each for each in bench.episodes() if each.stage is StageName.CLIPPED]
    desk = Desk(bench, episode)
    yield desk
    while bench.editing.review(desk.episode_id).can_undo("Ada"):
        desk.undo()
    if bench.editing.rebuild(desk.episode_id).needed:
        desk.rebuild()


def word_in_a_clip(desk: Desk) -> tuple[int, str]:
    clip = desk.bench.editing.clips(desk.episode_id)[0].clip
    return clip.words.first + 3, clip.clip_id


def test_a_correction_is_read_at_once_and_told_what_it_makes_anew(desk: Desk):
    index, clip_id = word_in_a_clip(desk)
    assert not desk.bench.editing.rebuild(desk.episode_id).needed
    desk.edit(CorrectWords(words=WordSpan(first=index, end=index + 1), text="Pomegranate"))
    assert desk.bench.editing.texts(desk.episode_id).transcript.words[index].text == "Pomegranate"
    assert desk.bench.editing.heard(desk.episode_id).transcript.words[index].text != "Pomegranate"
    rebuild = desk.bench.editing.rebuild(desk.episode_id)
    assert rebuild.page
    assert rebuild.clip_files == (f"{clip_id}/9x16-subtitled",)
    assert rebuild.seconds is not None
    assert 0 < rebuild.seconds < 120


def test_exactly_that_is_made_and_undoing_it_needs_no_work(desk: Desk):
    index, clip_id = word_in_a_clip(desk)
    before = desk.inodes()
    desk.edit(CorrectWords(words=WordSpan(first=index, end=index + 1), text="Pomegranate"))
    desk.rebuild()
    after = desk.inodes()
    for name in ("srt", "words.json", "transcript.json"):
        assert "Pomegranate" in desk.text(name)
    changed = {name for name in before if after[name] != before[name]}
    made = Results(desk.episode)
    assert (made.transcript.words[index].text, made.heard.words[index].text == "Pomegranate") == (
        "Pomegranate",
        False,
    )
    kept = {"poster.jpg", f"{desk.episode_id}.peaks.json", f"clips/{clip_id}.9x16-clean.mp4"}
    assert not kept & changed
    assert {name for name in changed if "clips/" in name} == {f"clips/{clip_id}.9x16-subtitled.mp4"}
    desk.undo()
    desk.rebuild()
    assert "Pomegranate" not in desk.text("srt")
    assert (
        desk.inodes()[f"clips/{clip_id}.9x16-subtitled.mp4"] == before[f"clips/{clip_id}.9x16-subtitled.mp4"]
    )


def test_a_title_is_the_episodes_at_once_and_gone_with_undo(desk: Desk):
    before = desk.episode.title
    desk.edit(WriteText(field="title", text="Cables"))
    desk.edit(CorrectEverywhere(old="cables", new="Wires"))
    assert desk.episode.title == "Wires"
    desk.undo()
    desk.undo()
    assert desk.episode.title == before


def test_a_rejected_clip_leaves_the_shelf_with_the_next_job_and_comes_back_when_it_is_rendered(desk: Desk):
    _, clip_id = word_in_a_clip(desk)
    desk.edit(ReviewClip(clip_id=clip_id, decision="rejected", reason="dull"))
    told = desk.bench.editing.rebuild(desk.episode_id)
    assert (told.leaving, told.page, told.clip_files, told.needed) == ((clip_id,), False, (), True)
    desk.rebuild()
    assert not desk.bench.editing.rebuild(desk.episode_id).needed
    assert not [name for name in desk.inodes() if clip_id in name]
    assert desk.bench.clips(desk.episode_id)[0].verdict_reason == "dull"
    desk.undo()
    job = desk.bench.wait(desk.bench.render_clips(desk.episode_id).job_id, 120)
    assert job.status is Status.COMPLETED
    assert [name for name in desk.inodes() if clip_id in name]


def test_a_clip_made_by_hand_can_be_rendered(desk: Desk):
    desk.edit(NewClip(title="By me", words=WordSpan(first=2, end=14)))
    made = desk.bench.clips(desk.episode_id)[-1]
    assert made.by_hand
    job = desk.bench.wait(desk.bench.render_clips(desk.episode_id, clip_ids=[made.clip_id]).job_id, 120)
    assert job.status is Status.COMPLETED, job.failure
    assert [file.path for file in desk.bench.clips(desk.episode_id)[-1].files]
    desk.undo()
    assert desk.bench.editing.rebuild(desk.episode_id).leaving == (made.clip_id,)
    desk.rebuild()
    assert not [name for name in desk.inodes() if made.clip_id in name]


def test_all_renditions_are_made_anew_whichever_the_last_job_was_asked_for(desk: Desk):
    index, clip_id = word_in_a_clip(desk)
    clean = desk.bench.render_clips(desk.episode_id, variants=[Variant.CLEAN])
    assert desk.bench.wait(clean.job_id, 120).status is Status.COMPLETED
    desk.edit(CorrectWords(words=WordSpan(first=index, end=index + 1), text="Pomegranate"))
    assert desk.bench.editing.rebuild(desk.episode_id).clip_files == (f"{clip_id}/9x16-subtitled",)
    assert len(desk.bench.rebuild_request(desk.episode_id).params["renditions"]) == 2


def test_what_is_changed_while_a_job_runs_is_in_its_result(desk: Desk):
    index, _ = word_in_a_clip(desk)
    desk.edit(
        CorrectWords(words=WordSpan(first=index, end=index + 1), text="Medlar")
    )  # not made by another test: it takes a second
    job = desk.bench.rebuild(desk.episode_id)
    desk.edit(CorrectWords(words=WordSpan(first=index + 1, end=index + 2), text="Quince"))
    assert desk.bench.wait(job.job_id, 120).status is Status.COMPLETED
    assert "Medlar Quince" in " ".join(desk.text("txt").split())
    assert not desk.bench.editing.rebuild(desk.episode_id).needed


def test_of_titles_given_at_once_the_episode_has_the_one_that_counts(desk: Desk):
    def entitle(name: str) -> None:
        for number in range(5):
            desk.edit(WriteText(field="title", text=f"{name} {number}"))

    with ThreadPoolExecutor(4) as people:
        list(people.map(entitle, "ABCD"))
    last = desk.bench.editing.review(desk.episode_id).edits[-1].edit
    assert isinstance(last, WriteText)
    assert desk.episode.title == last.text


def test_a_review_of_a_clip_that_is_not_there_is_refused(desk: Desk):
    with pytest.raises(NotAllowed, match="there is no clip 99-gone; there is "):
        desk.edit(ReviewClip(clip_id="99-gone", decision="approved"))


def test_what_is_asked_for_after_another_edit_is_another_job(desk: Desk):
    first = desk.bench.rebuild_request(desk.episode_id)
    desk.edit(CorrectEverywhere(old="cable", new="wire"))
    second = desk.bench.rebuild_request(desk.episode_id)
    assert first.params != second.params


def test_an_edit_that_counts_what_is_not_there_is_refused_in_words(desk: Desk):
    with pytest.raises(NotAllowed, match="there is no word 99999"):
        desk.edit(CorrectWords(words=WordSpan(first=0, end=100_000), text="x"))


def test_an_episode_without_a_transcript_cannot_be_edited_yet(empty: Workbench, tone: Path):
    episode_id = the_episode(empty, tone)
    with pytest.raises(NotAllowed, match="process it first"):
        empty.editing.edit(episode_id, CorrectEverywhere(old="a", new="b"))
    with pytest.raises(NotAllowed, match="process it first"):
        empty.rebuild(episode_id)
    with pytest.raises(NotFound):
        empty.editing.undo("nothing", "Ada")
