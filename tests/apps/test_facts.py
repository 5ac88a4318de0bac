"""How facts are worded."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps import facts, terminal
from apps.doctor import Finding
from pipeline.model import AspectRatio, Span, StageName, Variant
from workbench.jobs import CleanUp, Clip, ClipFile, Episode, Failure, Job, JobType, Status, Unused
from workbench.settings import Settings, explain, load_settings

AT = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
HERE = Path("/library")


def job(**fields: Any) -> Job:
    plain = {"job_id": "17", "job_type": JobType.PROCESS, "episode_id": "talk", "created_at": AT}
    return Job.model_validate(plain | {"status": Status.RUNNING} | fields)


def episode() -> Episode:
    return Episode(
        episode_id="talk",
        title="A talk [1]",
        stage=StageName.ENRICHED,
        duration=3725,
        recording="/talk.mp4",
        sha256="00ff",
        created_at=AT,
        updated_at=AT,
    )


def clip() -> Clip:
    return Clip(
        clip_id="01-cables",
        title="Cables",
        span=Span(start=61, end=91.4),
        score=0.875,
        score_parts={},
        reasons=("it asks", "it answers"),
        files=(ClipFile(variant=Variant.CLEAN, aspect_ratio=AspectRatio.SQUARE, path="/x.mp4"),),
    )


def test_a_discovery_lists_what_was_found_and_why_the_rest_was_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = {
        "episodes": [{"episode_id": "talk", "file": "/talk.mp4", "title": "A talk", "duration": 61.0}],
        "skipped": [{"file": "/x.mp4", "reason": "/x.mp4 is empty", "kind": "UnreadableMedia"}],
        "waiting": ["/y.mp4"],
    }
    facts.show_discovery(result, HERE / "inbox")
    said = capsys.readouterr()
    assert said.out.splitlines()[1].split() == ["talk", "1:01", "/talk.mp4"]
    assert said.err == "skipped: /x.mp4 is empty\nwaiting: /y.mp4 is still being written\n"


def test_a_discovery_without_a_result_finds_nothing_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    facts.show_discovery({}, HERE / "inbox")
    assert capsys.readouterr() == ("", "")


def test_a_command_to_type_names_any_library_but_the_default_one(tmp_path: Path) -> None:
    assert facts.at(Path.home() / "episode-library") == ""
    assert facts.at(tmp_path) == f" --library {tmp_path}"
    assert facts.at(tmp_path / "my library") == f' --library "{tmp_path / "my library"}"'


def test_clips_are_listed_with_place_score_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    facts.show_clips([clip()], HERE / "episodes" / "talk")
    _, row, files = capsys.readouterr().out.splitlines()
    assert row.split(maxsplit=6) == ["01-cables", "1:01", "30", "s", "0.88", "1", "it asks; it answers"]
    assert files == f"files: {HERE / 'episodes' / 'talk' / 'clips'}"


def test_clips_that_are_not_rendered_yet_have_no_folder(capsys: pytest.CaptureFixture[str]) -> None:
    facts.show_clips([clip().model_copy(update={"files": ()})], HERE)
    assert "files: " not in capsys.readouterr().out


def test_no_clips_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    facts.show_clips([], HERE)
    assert capsys.readouterr() == ("", "no clips: nothing in the recording was found worth one\n")


def test_a_job_is_a_row_and_in_full_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    failed = job(status=Status.FAILED, failure=Failure(reason="It broke.", kind="X"), params={"force": True})
    facts.show_jobs([failed], HERE, as_json=False)
    assert capsys.readouterr().out.splitlines()[1].split()[:4] == ["17", "process_episode", "talk", "failed"]
    facts.show_job(
        failed, [{"at_utc": AT, "kind": "failed", "body": {"message": "no", "attempt": 2}}], as_json=False
    )
    said = capsys.readouterr().out
    assert "It broke." in said
    assert '{"force": true}' in said
    assert re.search(rf"^created_at +{terminal.moment(AT)}$", said, re.MULTILINE)
    assert said.splitlines()[-1].split()[2:] == ["failed", "no;", "attempt:", "2"]


def test_an_episode_is_a_row_with_its_length(capsys: pytest.CaptureFixture[str]) -> None:
    facts.show_episodes([episode()], HERE, as_json=False)
    row = capsys.readouterr().out.splitlines()[1]
    assert row.split()[:3] == ["talk", "enriched", "1:02:05"]
    assert row.rstrip().endswith("A talk [1]")


def test_results_are_the_places_that_are_there(tmp_path: Path) -> None:
    assert facts.results(tmp_path) == []
    for name in ("index.html", "talk.vtt", "talk.srt"):
        (tmp_path / name).touch()
    (tmp_path / "clips").mkdir()
    places = [(name, Path(str(place)).name) for name, place in facts.results(tmp_path)]
    assert places == [
        ("page", "index.html"),
        ("subtitles", "talk.srt"),
        ("subtitles", "talk.vtt"),
        ("clips", "clips"),
    ]


def test_a_finding_says_what_to_do_unless_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    facts.show_finding(Finding(check="disk", state="ok", found="9 GB free"))
    facts.show_finding(Finding(check="memory", state="problem", found="none", advice="Buy some."))
    first, second, third = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (first, second) == (["disk", "ok", "9", "GB", "free"], ["memory", "problem", "none"])
    assert third == ["Buy", "some."]


def test_the_settings_template_has_every_setting_commented_out(tmp_path: Path) -> None:
    text = facts.template(explain(library=tmp_path, environment={}))
    assert tomllib.loads(text) == {}
    for name in set(Settings.model_fields) - {"library"}:
        assert f"\n# {name} =" in text


def test_the_template_stands_for_the_defaults(tmp_path: Path) -> None:
    text = facts.template(explain(library=tmp_path, environment={}))
    values = [line[2:] for line in text.splitlines() if line.startswith("# ") and " = " in line]
    (tmp_path / "workbench.toml").write_text("\n".join(values))
    plain = load_settings(library=tmp_path / "other", environment={})
    assert load_settings(library=tmp_path, environment={}).model_dump(
        exclude={"library"}
    ) == plain.model_dump(exclude={"library"})


@pytest.mark.parametrize("value", ["é\n\"'\\", 3, 1.5, True, ["a", "b"]])
def test_a_value_is_written_as_toml(value: object) -> None:
    assert tomllib.loads(f"x = {facts.toml(value)}") == {"x": value}


def test_what_is_cleaned_up_is_told_with_its_size(capsys: pytest.CaptureFixture[str]) -> None:
    old = Unused(path="artefacts/page/1", bytes=2_500_000)
    facts.show_clean_up(CleanUp(jobs=1, artefacts=(old,), bytes=old.bytes), dry_run=True, as_json=False)
    said = capsys.readouterr().out
    assert re.search(r"^artefacts/page/1 +2\.5 MB *$", said, re.MULTILINE)
    assert said.endswith("1 job and 1 artefact (2.5 MB) would be removed\n")
    facts.show_clean_up(CleanUp(jobs=0, artefacts=(), bytes=0), dry_run=False, as_json=False)
    assert capsys.readouterr().out == "removed 0 jobs and 0 artefacts (0.0 MB)\n"
