"""The planner is a pure look at what exists, so these tests keep the artefacts in a dictionary."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import manifest, plan
from pipeline.candidates import write_candidates
from pipeline.edits import Based, CorrectWords, Edit, NameSpeaker, ReviewClip
from pipeline.errors import BadOptions
from pipeline.model import (
    AudioStream,
    ClipCandidate,
    Media,
    Metadata,
    Rendition,
    Sentence,
    Source,
    Span,
    StageName,
    Transcript,
    Variant,
    Word,
    WordSpan,
)
from pipeline.plan import Recording, Wanted
from pipeline.playable import Playback
from pipeline.render import Pictures
from pipeline.stages import Options
from pipeline.task import Task


class Shelf:
    """Artefacts that exist, as the planner finds them; `finish` stands for running a task."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folders: dict[tuple[str, str], Path] = {}

    def find(self, kind: str, key: str) -> Path | None:
        return self.folders.get((kind, key))

    def finish(self, task: Task) -> None:
        for kind, key in task.outputs.items():
            folder = self.root / kind / key
            folder.mkdir(parents=True, exist_ok=True)
            _fill(kind, folder)
            self.folders[kind, key] = folder
            self.seal(kind, key)

    def seal(self, kind: str, key: str) -> None:
        task = plan.discovery(Path("talk.mp4"), "").model_copy(update={"outputs": {kind: key}})
        (self.folders[kind, key] / manifest.NAME).unlink(missing_ok=True)
        manifest.write(self.folders[kind, key], task, kind, 0.1)


def _fill(kind: str, folder: Path) -> None:
    if kind == "prepared":
        spans = "[[0.0, 30.0], [30.0, 60.0]]"
        text = f'{{"language": "en", "probability": 1.0, "stretches": {spans}, "notes": []}}'
        (folder / "stretches.json").write_text(text)
    if kind == "transcript":
        (folder / "transcript.json").write_text(_transcript().model_dump_json())
    if kind == "pictures":
        played = Playback(file="talk.mp4", made="as it is", reason="")
        (folder / "pictures.json").write_text(Pictures(playback=played, poster=None).model_dump_json())
    if kind == "candidates":
        write_candidates([_candidate(1), _candidate(2)], folder)


def _transcript(changed: str = "word") -> Transcript:
    """Sixty words in sentences of ten."""
    words = tuple(
        Word(text=changed if index == 5 else "word", start=index, end=index + 0.5, probability=1)
        for index in range(60)
    )
    return Transcript(
        language="en",
        language_probability=1,
        model="tiny.en",
        duration=60,
        words=words,
        sentences=tuple(Sentence(words=WordSpan(first=first, end=first + 10)) for first in range(0, 60, 10)),
    )


def _candidate(number: int) -> ClipCandidate:
    first = 20 * number - 20
    return ClipCandidate(
        clip_id=f"0{number}-clip",
        title=f"Clip {number}",
        span=Span(start=first, end=first + 19.5),
        words=WordSpan(first=first, end=first + 20),
        score=0.5,
        score_parts={},
        reasons=("it is good",),
    )


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def _recording(path: str = "talk.mp4", **metadata: object) -> Recording:
    audio = AudioStream(index=0, codec="aac", sample_rate=48000, channels=2)
    media = Media(path=path, container="mp4", duration=60, video=None, audio=audio)
    source = Source(sha256="5e", bytes=1, media=media, metadata=Metadata.model_validate(metadata))
    return Recording(episode_id="talk", source=source, folder="source")


def _walk(shelf: Shelf, wanted: Wanted, recording: Recording | None = None) -> list[str]:
    """Steps in the order they are planned, each finished before the next look."""
    steps: list[str] = []
    recording = recording or _recording()
    while tasks := plan.plan(recording, wanted, shelf.find).tasks:
        steps.extend(task.step for task in tasks)
        for task in tasks:
            shelf.finish(task)
    return steps


WHOLE = Wanted(StageName.CLIPPED, Options())


def test_an_episode_is_walked_from_nothing_to_its_clips(shelf: Shelf):
    steps = _walk(shelf, WHOLE)
    assert steps[:5] == ["prepare", "stretch", "stretch", "merge", "enrich"]
    assert steps[5:] == ["illustrate", "render", "choose", "clip", "clip"]


def test_a_finished_episode_has_nothing_left(shelf: Shelf):
    _walk(shelf, WHOLE)
    reached = plan.plan(_recording(), WHOLE, shelf.find)
    assert reached.stage is StageName.CLIPPED
    assert reached.done == 1
    assert len([kind for kind in reached.artefacts if kind.startswith("01-clip/")]) == len(plan.RENDITIONS)


@pytest.mark.parametrize("target", list(StageName))
def test_nothing_beyond_the_target_is_planned(shelf: Shelf, target: StageName):
    _walk(shelf, Wanted(target, Options()))
    assert plan.plan(_recording(), Wanted(target, Options()), shelf.find).stage is target


def test_only_the_missing_stretch_is_done_again(shelf: Shelf):
    first = plan.plan(_recording(), WHOLE, shelf.find).tasks[0]
    shelf.finish(first)
    one, other = plan.plan(_recording(), WHOLE, shelf.find).tasks
    shelf.finish(other)
    reached = plan.plan(_recording(), WHOLE, shelf.find)
    assert reached.tasks == (one,)
    assert 0.05 < reached.done < 0.98


@pytest.mark.parametrize("target", [StageName.TRANSCRIBED, StageName.ENRICHED, StageName.CLIPPED])
def test_stretches_and_decoded_sound_are_leftovers_once_the_transcript_is_there(
    shelf: Shelf, target: StageName
):
    _walk(shelf, wanted := Wanted(target, Options()))
    leftovers = plan.plan(_recording(), wanted, shelf.find).leftovers
    assert sorted(Path(ref.path).parent.name for ref in leftovers) == ["prepared", "stretch", "stretch"]


def test_one_more_variant_renders_only_that_variant(shelf: Shelf):
    clean = tuple(rendition for rendition in plan.RENDITIONS if rendition.variant is Variant.CLEAN)
    _walk(shelf, Wanted(StageName.CLIPPED, Options(), clean))
    tasks = plan.plan(_recording(), WHOLE, shelf.find).tasks
    assert [task.step for task in tasks] == ["clip", "clip"]
    assert all(kind.endswith("subtitled") for task in tasks for kind in task.outputs)


def test_one_clip_can_be_asked_for(shelf: Shelf):
    wanted = Wanted(StageName.CLIPPED, Options(), plan.RENDITIONS, ("02-clip",))
    assert _walk(shelf, wanted)[-1] == "clip"
    assert not any("01-clip" in kind for kind in plan.plan(_recording(), wanted, shelf.find).artefacts)


def test_a_clip_that_does_not_exist_with_these_options_is_named(shelf: Shelf):
    _walk(shelf, WHOLE)
    with pytest.raises(BadOptions, match="no clip 03-clip; there is 01-clip, 02-clip"):
        plan.plan(_recording(), Wanted(StageName.CLIPPED, Options(), clip_ids=("03-clip",)), shelf.find)


def test_a_corrected_word_renders_only_the_clip_that_says_it(shelf: Shelf):
    _walk(shelf, WHOLE)
    for (kind, _), folder in shelf.folders.items():
        if kind == "transcript":
            (folder / "transcript.json").write_text(_transcript("corrected").model_dump_json())
    tasks = plan.plan(_recording(), WHOLE, shelf.find).tasks
    assert [task.part["candidate"]["clip_id"] for task in tasks] == ["01-clip"]


def test_other_options_of_a_stage_redo_that_stage_and_what_follows(shelf: Shelf):
    _walk(shelf, WHOLE)
    options = Options.model_validate({"transcribe": {"language": "de"}})
    assert _walk(shelf, Wanted(StageName.CLIPPED, options))[0] == "prepare"
    options = Options.model_validate({"candidates": {"count": 1}})
    assert _walk(shelf, Wanted(StageName.CLIPPED, options)) == ["choose"]


def test_an_enrichment_that_was_made_anew_with_another_result_redoes_what_rests_on_it(shelf: Shelf):
    _walk(shelf, Wanted(StageName.RENDERED, Options()))
    ((key, folder),) = [
        (key, folder) for (kind, key), folder in shelf.folders.items() if kind == "enrichment"
    ]
    assert _walk(shelf, Wanted(StageName.RENDERED, Options())) == []
    (folder / "enrichment.json").write_text("another answer of the same model")
    shelf.seal("enrichment", key)
    assert _walk(shelf, Wanted(StageName.RENDERED, Options())) == ["render"]


ENDPOINT = {"base_url": "http://127.0.0.1:11434/v1", "model": "small"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ENDPOINT, ENDPOINT | {"timeout": 900}),
        ({}, {"model": "small", "temperature": 1, "context_tokens": 8192, "timeout": 900}),
    ],
)
def test_what_cannot_change_an_enrichment_does_not_ask_for_another(
    shelf: Shelf, before: dict[str, object], after: dict[str, object]
):
    _walk(shelf, Wanted(StageName.RENDERED, Options.model_validate({"enrich": before})))
    assert _walk(shelf, Wanted(StageName.RENDERED, Options.model_validate({"enrich": after}))) == []


@pytest.mark.parametrize("changed", [{"model": "large"}, {"temperature": 1}, {"context_tokens": 8192}])
def test_what_another_answer_comes_from_asks_an_endpoint_again(shelf: Shelf, changed: dict[str, object]):
    _walk(shelf, Wanted(StageName.ENRICHED, Options.model_validate({"enrich": ENDPOINT})))
    options = Options.model_validate({"enrich": ENDPOINT | changed})
    assert _walk(shelf, Wanted(StageName.ENRICHED, options)) == ["enrich"]


def test_a_task_gets_its_own_timeout_though_that_is_no_part_of_its_key(shelf: Shelf):
    _walk(shelf, Wanted(StageName.TRANSCRIBED, Options()))
    options = Options.model_validate({"enrich": ENDPOINT | {"timeout": 900}})
    (task,) = plan.plan(_recording(), Wanted(StageName.ENRICHED, options), shelf.find).tasks
    assert task.options["timeout"] == 900


def test_a_recording_that_was_renamed_gets_a_new_page_and_nothing_else(shelf: Shelf):
    _walk(shelf, WHOLE)
    assert _walk(shelf, WHOLE, _recording("elsewhere/talk.mp4")) == []
    assert _walk(shelf, WHOLE, _recording("lecture.mp4")) == ["render"]


def test_a_page_that_plays_a_copy_does_not_mind_what_the_recording_is_called(shelf: Shelf):
    _walk(shelf, WHOLE)
    ((key, folder),) = [(key, folder) for (kind, key), folder in shelf.folders.items() if kind == "pictures"]
    copy = Playback(file="talk.web.mp4", made="encoded", reason="it is old")
    (folder / "pictures.json").write_text(Pictures(playback=copy, poster=None).model_dump_json())
    shelf.seal("pictures", key)
    _walk(shelf, WHOLE)
    assert _walk(shelf, WHOLE, _recording("lecture.mp4")) == []


@pytest.mark.parametrize("shown", [{"show": "Gears"}, {"guests": ["Ada Bell"]}])
def test_a_show_or_guest_whom_the_transcription_knew_already_still_reaches_the_page(
    shelf: Shelf, shown: dict[str, object]
):
    _walk(shelf, WHOLE, _recording(vocabulary=["Gears", "Ada Bell"]))
    named = _recording(vocabulary=["Gears", "Ada Bell"], **shown)
    assert _walk(shelf, WHOLE, named) == ["enrich", "render"]


def test_what_is_written_beside_the_recording_reaches_the_transcription():
    recording = _recording(vocabulary=["Antikythera"], guests=["Ada Bell"], show="Gears", language="en")
    options = plan.transcription_options(Options(), recording.source.metadata)
    assert options.vocabulary == ("Antikythera", "Ada Bell", "Gears")
    assert options.language == "en"


def test_the_shares_of_a_stages_tasks_add_up_to_the_stage(shelf: Shelf):
    total, recording = 0.0, _recording()
    while tasks := plan.plan(recording, Wanted(StageName.TRANSCRIBED, Options()), shelf.find).tasks:
        total += sum(task.share for task in tasks)
        for task in tasks:
            shelf.finish(task)
    assert total == pytest.approx(1.0)


def test_a_rendition_is_known_by_its_name():
    for rendition in plan.RENDITIONS:
        assert plan.rendition(rendition.name) == rendition
    assert isinstance(plan.rendition("4x5-clean"), Rendition)


def _edited(*made: Edit, **wanted: object) -> Wanted:
    """What is wanted with edits that hold for every transcript here, since they count nothing of it."""
    return replace(WHOLE, edits=tuple(Based(edit=edit) for edit in made), **wanted)


def _made_anew(shelf: Shelf, wanted: Wanted) -> dict[str, set[str]]:
    """Step or clip → kinds of artefacts that are made for what is wanted."""
    made: dict[str, set[str]] = {}
    while tasks := plan.plan(_recording(), wanted, shelf.find).tasks:
        for task in tasks:
            name = task.part["candidate"]["clip_id"] if task.step == "clip" else task.step
            made.setdefault(name, set()).update(task.outputs)
            shelf.finish(task)
    return made


SUBTITLED = {each.name for each in plan.RENDITIONS if each.variant is Variant.SUBTITLED}
FIFTH = CorrectWords(words=WordSpan(first=5, end=6), text="other")
SECOND_CLIP = CorrectWords(words=WordSpan(first=25, end=26), text="other")


def test_a_corrected_word_makes_the_page_anew_and_the_subtitled_files_of_the_clips_that_show_it(shelf: Shelf):
    _walk(shelf, WHOLE)
    assert _made_anew(shelf, _edited(FIFTH)) == {"render": {"page"}, "01-clip": SUBTITLED}
    assert _made_anew(shelf, _edited(FIFTH, SECOND_CLIP)) == {"render": {"page"}, "02-clip": SUBTITLED}


def _named(first: int, end: int, name: str) -> NameSpeaker:
    return NameSpeaker(sentences=WordSpan(first=first, end=end), name=name)


def test_another_speaker_within_a_clip_makes_its_subtitled_files_anew_since_a_caption_ends_there(
    shelf: Shelf,
):
    _walk(shelf, WHOLE)
    turn = _named(1, 2, "Ada")  # the second half of the first clip
    tasks = plan.outstanding(_recording(), _edited(turn), shelf.find)
    assert [set(task.outputs) for task in tasks] == [{"page"}, SUBTITLED]
    assert _made_anew(shelf, _edited(turn)) == {"render": {"page"}, "01-clip": SUBTITLED}
    assert _made_anew(shelf, _edited(turn, _named(1, 2, "Bo"))) == {"render": {"page"}}


def test_a_speaker_who_has_the_clip_to_themselves_changes_no_caption(shelf: Shelf):
    _walk(shelf, WHOLE)
    assert _made_anew(shelf, _edited(_named(0, 2, "Ada"), _named(2, 6, "Bo"))) == {"render": {"page"}}


def test_what_has_to_be_made_again_can_be_told_at_once(shelf: Shelf):
    _walk(shelf, WHOLE)
    tasks = plan.outstanding(_recording(), _edited(FIFTH), shelf.find)
    assert [task.step for task in tasks] == ["render", "clip"]
    assert plan.outstanding(_recording(), WHOLE, shelf.find) == ()


def test_an_edit_that_is_undone_brings_back_what_was_made_before_it(shelf: Shelf):
    _walk(shelf, WHOLE)
    _walk(shelf, _edited(FIFTH))
    assert _made_anew(shelf, WHOLE) == {}


def test_an_edit_of_another_transcript_changes_nothing(shelf: Shelf):
    _walk(shelf, WHOLE)
    other = replace(WHOLE, edits=(Based(edit=FIFTH, base="of another transcript"),))
    assert _made_anew(shelf, other) == {}


def test_a_rejected_clip_is_rendered_only_when_it_is_named(shelf: Shelf):
    rejected = ReviewClip(clip_id="01-clip", decision="rejected", reason="dull")
    assert "01-clip" not in _made_anew(shelf, _edited(rejected))
    assert "01-clip" in _made_anew(shelf, _edited(rejected, clip_ids=("01-clip",)))


def test_a_clip_that_is_cut_anew_is_rendered_anew_and_nothing_else(shelf: Shelf):
    _walk(shelf, WHOLE)
    cut = ReviewClip(clip_id="02-clip", words=WordSpan(first=22, end=35))
    every = {each.name for each in plan.RENDITIONS}
    assert _made_anew(shelf, _edited(cut)) == {"02-clip": every}


def test_of_the_clips_only_the_files_that_are_wanted_are_made(shelf: Shelf):
    wanted = _edited(clip_files=frozenset({"01-clip/9x16-clean"}))
    assert _made_anew(shelf, wanted)["01-clip"] == {"9x16-clean"}
    assert "02-clip" not in _made_anew(shelf, wanted)
