"""The command line, run as a person or a script runs it."""

import json
import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.apps.conftest import Cli, Processed, Run

pytestmark = pytest.mark.timeout(900)  # the first of them to need it waits for a whole run

LIGHT = ("config", "episodes", "jobs")
HEAVY = ("faster_whisper", "distributed", "sklearn", "openai", "ctranslate2")
COMMANDS = (
    *("init", "discover", "process", "clips", "jobs", "job", "cancel"),
    *("episodes", "search", "show", "config", "doctor", "demo", "retry", "clean", "keys"),
)


# ---- help, usage and settings


def test_help_names_every_command_and_every_exit_code(cli: "Cli") -> None:
    said = cli("--help").out
    assert all(re.search(rf"^  {name} ", said, re.MULTILINE) for name in COMMANDS)
    assert all(re.search(rf"^    {code} ", said, re.MULTILINE) for code in (0, 1, 2, 3, 130, 143))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(cli: "Cli", name: str) -> None:
    run = cli(name, "--help")
    assert run.code == 0
    assert {"--library", "--json"} <= set(re.findall(r"--[a-z-]+", run.out))
    assert "..." not in run.out.split("Options:")[0].replace("]...", "")


def test_process_has_a_flag_for_each_of_its_settings(cli: "Cli") -> None:
    flags = {"--target-stage", "--force", "--model", "--language", "--workers", "--scheduler"}
    assert flags <= set(re.findall(r"--[a-z-]+", cli("process", "--help").out))


def test_the_version_is_that_of_the_package(cli: "Cli") -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert cli("--version").out == f"{project['name']} {project['version']}\n"


@pytest.mark.parametrize(
    "wrong",
    [
        ("nonsense",),
        ("process", "--nonsense"),
        ("process", "--target-stage", "finished"),
        ("jobs", "--status", "asleep"),
        ("jobs", "--limit", "0"),
        ("clips", "episode", "--ratio", "3x2"),
        ("show",),
    ],
)
def test_wrong_usage_ends_with_2_and_no_traceback(cli: "Cli", wrong: tuple[str, ...]) -> None:
    run = cli(*wrong)
    assert run.code == 2
    assert "Error: " in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("clip_count = 1000", "clip_count"),
        ("clip_cuont = 3", "there is no setting `clip_cuont`"),
        ("clip_count = ", "not valid TOML"),
    ],
)
def test_a_bad_setting_is_one_sentence_and_2(cli: "Cli", tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "workbench.toml").write_text(text)
    run = cli("episodes", "--library", tmp_path)
    assert run.code == 2
    assert run.out == ""
    assert run.err.startswith("error: ")
    assert reason in run.err
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["config", "doctor", "process"])
@pytest.mark.parametrize(
    ("text", "named"),
    [("loudness = -8.5", ["loudness"]), ("clip_min_seconds = 70", ["clip_min_seconds", "clip_max_seconds"])],
)
def test_settings_with_which_no_clip_could_be_made_are_refused_before_anything_is_done(
    cli: "Cli", tmp_path: Path, name: str, text: str, named: list[str]
) -> None:
    (tmp_path / "workbench.toml").write_text(text)
    files = ("one.mp4", "two.mp4") if name == "process" else ()
    run = cli(name, *files, "--library", tmp_path, "--json")
    assert run.code == 2
    assert run.facts["failure"]["kind"] == "BadSetting"
    assert [each for each in named if f"`{each}`" not in run.err] == []
    assert [file.name for file in tmp_path.iterdir()] == ["workbench.toml"]


def test_with_json_a_refusal_is_an_object(cli: "Cli", tmp_path: Path) -> None:
    run = cli("process", "--workers", "-1", "--library", tmp_path, "--json")
    assert run.code == 2
    assert run.facts["failure"]["kind"] == "BadSetting"
    assert "--workers" in run.facts["failure"]["reason"]


# ---- libraries, and commands that find nothing


def test_init_makes_a_library_whose_settings_file_can_be_used(cli: "Cli", tmp_path: Path) -> None:
    library = tmp_path / "my library"
    made = cli("init", library, "--json").facts
    assert Path(made["inbox"]).is_dir()
    file = Path(made["settings"])
    text = file.read_text()
    settings = [line.removeprefix("# ") for line in text.splitlines() if re.match(r"# \w+ = ", line)]
    assert set(tomllib.loads("\n".join(settings))) >= {"workers", "model", "clip_count", "variants"}
    file.write_text("\n".join(settings))
    assert cli("config", "--library", library).code == 0


def test_init_keeps_settings_that_are_there(cli: "Cli", tmp_path: Path) -> None:
    (tmp_path / "workbench.toml").write_text("clip_count = 2\n")
    assert "kept" in cli("init", tmp_path).out
    assert (tmp_path / "workbench.toml").read_text() == "clip_count = 2\n"


def test_init_where_a_file_is_ends_with_3(cli: "Cli", tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = cli("init", tmp_path / "file")
    assert run.code == 3
    assert str(tmp_path / "file") in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("name", ["episodes", "jobs"])
def test_an_empty_library_says_what_to_do_first(cli: "Cli", tmp_path: Path, name: str) -> None:
    run = cli(name, "--library", tmp_path)
    assert run.code == 0
    assert str(tmp_path / "inbox") in run.err
    assert "workbench process FILE" in run.err
    assert cli(name, "--library", tmp_path, "--json").facts == []


def test_nothing_to_resume_is_said(cli: "Cli", tmp_path: Path) -> None:
    run = cli("process", "--library", tmp_path, "--json")
    assert (run.code, run.out) == (0, "")
    assert "nothing to resume" in run.err


def test_an_empty_inbox_is_said(cli: "Cli", tmp_path: Path) -> None:
    run = cli("discover", "--library", tmp_path)
    assert run.code == 0
    assert f"no recordings found: drop some into {tmp_path / 'inbox'}" in run.err


def test_naming_what_is_not_there_is_a_failure_that_says_so(cli: "Cli", tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    run = cli("discover", "--library", tmp_path / "library", tmp_path / "drop", tmp_path / "gone.mp4")
    assert run.code == 1
    assert "gone.mp4 cannot be read: No such file or directory" in run.err


def test_a_named_folder_may_be_empty_or_hold_what_is_no_recording(cli: "Cli", tmp_path: Path) -> None:
    drop = tmp_path / "drop"
    drop.mkdir()
    assert cli("discover", "--library", tmp_path / "library", drop).code == 0
    (drop / "notes.mp4").write_bytes(b"")
    os.utime(drop / "notes.mp4", (0, 0))  # long at rest
    run = cli("discover", "--library", tmp_path / "library", drop)
    assert run.code == 0
    assert "notes.mp4 is empty" in run.err


def test_files_that_were_just_copied_into_a_folder_are_waited_for(
    cli: "Cli", tone: Path, tmp_path: Path
) -> None:
    (tmp_path / "drop").mkdir()
    shutil.copy(tone, tmp_path / "drop/talk.mp4")
    run = cli("discover", "--library", tmp_path / "library", tmp_path / "drop", "--json")
    assert ([found["episode_id"] for found in run.facts["episodes"]], run.facts["waiting"]) == (["talk"], [])
    assert "1 file was written to a moment ago: waiting up to 10 s for it to be whole" in run.err


@pytest.mark.parametrize("named", [("show", "nobody"), ("job", "17"), ("cancel", "17"), ("clips", "nobody")])
def test_what_does_not_exist_ends_with_2_and_names_the_list(
    cli: "Cli", tmp_path: Path, named: tuple[str, str]
) -> None:
    run = cli(*named, "--library", tmp_path)
    assert run.code == 2
    assert re.fullmatch(
        r"error: there is no (episode|job) \w+; `workbench (episodes|jobs)` lists them\n", run.err
    )


def test_a_library_that_is_in_use_ends_with_3(cli: "Cli", tmp_path: Path) -> None:
    from workbench import Workbench, load_settings

    with Workbench(load_settings(library=tmp_path, environment={})):
        run = cli("jobs", "--library", tmp_path, "--json")
    assert run.code == 3
    assert run.facts["failure"]["kind"] == "LibraryBusy"
    assert run.facts["failure"]["transient"]


def test_a_broken_database_ends_with_3(cli: "Cli", tmp_path: Path) -> None:
    (tmp_path / "workbench.duckdb").write_text("this is no database" * 100)
    run = cli("episodes", "--library", tmp_path)
    assert run.code == 3
    assert str(tmp_path / "workbench.duckdb") in run.err


@pytest.mark.parametrize("name", LIGHT)
def test_quick_commands_load_nothing_heavy(cli: "Cli", tmp_path: Path, name: str) -> None:
    modules = loaded(cli(name, "--library", tmp_path, PYTHONPROFILEIMPORTTIME="1"))
    assert "typer" in modules
    assert not modules & set(HEAVY)


def loaded(run: "Run") -> set[str]:
    """The packages that a command imported, when it was told to list them."""
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in run.err.splitlines()}


# ---- a whole run


def test_a_run_ends_with_one_line_for_each_file(processed: "Processed") -> None:
    good, bad = processed.run.lines
    assert good == {
        "file": str(processed.recording),
        "episode_id": processed.episode_id,
        "status": "completed",
        "stage": "clipped",
        "failure": None,
    }
    assert (bad["file"], bad["episode_id"], bad["status"]) == (str(processed.broken), None, "failed")
    assert "broken.mp4" in bad["failure"]["reason"]
    assert bad["failure"]["kind"] == "UnreadableMedia"


def test_a_failed_file_makes_the_exit_code_1(processed: "Processed") -> None:
    assert processed.run.code == 1


def test_progress_in_a_pipe_is_plain_lines(processed: "Processed") -> None:
    said = processed.run.err
    assert "\x1b" not in said
    doing = re.findall(r": (transcribing|enriching|rendering|clipping), \d+ %, ", said)
    assert list(dict.fromkeys(doing)) == ["transcribing", "enriching", "rendering", "clipping"]
    assert re.search(r", (estimating…|\d+:\d\d left)$", said, re.MULTILINE)


def test_a_second_run_needs_no_worker_no_model_and_no_ffmpeg(cli: "Cli", processed: "Processed") -> None:
    again = (processed.recording, "--library", processed.library, "--json")
    run = cli("process", *again, PYTHONPROFILEIMPORTTIME="1")
    assert run.code == 0
    assert run.facts == processed.run.lines[0]
    assert not loaded(run) & set(HEAVY)


def test_a_folder_stands_for_all_recordings_in_it_but_no_results(cli: "Cli", processed: "Processed") -> None:
    folder = processed.recording.parent
    flags = ("--library", processed.library, "--json", "--target-stage", "discovered")
    run = cli("process", folder / ".", processed.recording, "nowhere.mp4", *flags)
    files = [Path(line["file"]).name for line in run.lines]
    assert sorted(files) == ["broken.mp4", "nowhere.mp4", "the talk [1].mp4"]
    missing = next(line for line in run.lines if line["file"] == "nowhere.mp4")
    assert missing["failure"]["kind"] == "NotFound"


def test_a_file_keeps_the_name_it_was_given(cli: "Cli", processed: "Processed") -> None:
    flags = ("--library", processed.library, "--json", "--target-stage", "discovered")
    run = cli("process", processed.recording.name, *flags, cwd=processed.recording.parent)
    assert run.facts["file"] == processed.recording.name


def test_show_has_the_path_of_every_artefact(cli: "Cli", processed: "Processed") -> None:
    facts = cli("show", processed.episode_id, "--library", processed.library, "--json").facts
    assert facts["stage"] == "clipped"
    assert {"source", "transcript", "enrichment", "page", "candidates"} <= set(facts["files"])
    assert all(Path(file).is_file() for files in facts["files"].values() for file in files)
    assert (Path(facts["shelf"]) / "index.html").is_file()
    assert len(facts["clips"]) == 3
    assert all(
        {file["variant"] for file in clip["files"]} == {"clean", "subtitled"} for clip in facts["clips"]
    )


def test_show_tells_a_person_what_it_is_about(cli: "Cli", processed: "Processed") -> None:
    said = cli("show", processed.episode_id, "--library", processed.library).out
    assert str(processed.recording) in said  # brackets in a name are no markup
    assert all(
        re.search(rf"^{name} ", said, re.MULTILINE) for name in ("summary", "chapter", "page", "clips")
    )


def test_episodes_and_jobs_list_what_there_is(cli: "Cli", processed: "Processed") -> None:
    (episode,) = cli("episodes", "--library", processed.library, "--json").facts
    assert (episode["episode_id"], episode["stage"]) == (processed.episode_id, "clipped")
    assert processed.episode_id in cli("episodes", "--library", processed.library).out
    jobs = cli("jobs", "--library", processed.library, "--json", "--status", "completed").facts
    assert {job["job_type"] for job in jobs} == {"discover_episodes", "process_episode"}
    assert len(cli("jobs", "--library", processed.library, "--json", "--limit", "1").facts) == 1


def test_a_job_is_shown_with_its_log(cli: "Cli", processed: "Processed") -> None:
    jobs = cli("jobs", "--library", processed.library, "--json").facts
    job_id = next(job["job_id"] for job in jobs if job["job_type"] == "process_episode")
    job = cli("job", job_id, "--library", processed.library, "--json").facts
    kinds = [line["kind"] for line in job["log"]]
    assert (kinds[0], kinds[-1]) == ("queued", "completed")
    said = cli("job", job_id, "--library", processed.library).out
    assert job_id in said
    assert "completed" in said


def test_what_people_must_know_of_a_result_is_said_logged_and_shown(
    cli: "Cli", silence: Path, tmp_path: Path
) -> None:
    note, where = "the recording's sound is silent throughout", ("--library", tmp_path)
    run = cli("process", silence, *where, "--model", "tiny.en", "--target-stage", "transcribed")
    assert f"silence: note: {note}" in run.err
    assert re.search(rf"^note +{note}", cli("show", "silence", *where).out, re.MULTILINE)
    shown = cli("show", "silence", *where, "--json").facts
    assert [said[: len(note)] for said in shown["notes"]] == [note]
    jobs = cli("jobs", *where, "--json").facts
    job_id = next(job["job_id"] for job in jobs if job["current_stage"] == "transcribed")
    log = cli("job", job_id, *where, "--json").facts["log"]
    assert [line["body"]["message"] for line in log if line["kind"] == "note"] == shown["notes"]


def test_a_job_that_has_ended_is_not_cancelled(cli: "Cli", processed: "Processed") -> None:
    jobs = cli("jobs", "--library", processed.library, "--json", "--status", "completed").facts
    run = cli("cancel", jobs[0]["job_id"], "--library", processed.library, "--json")
    assert run.facts["status"] == "completed"


def test_one_clip_can_be_rendered_in_one_more_shape(cli: "Cli", processed: "Processed") -> None:
    where = ("--library", processed.library, "--json")
    first = cli("show", processed.episode_id, *where).facts["clips"][0]["clip_id"]
    run = cli("clips", processed.episode_id, "--clip", first, "--variant", "clean", "--ratio", "4x5", *where)
    assert run.code == 0
    clip = next(clip for clip in run.facts["clips"] if clip["clip_id"] == first)
    made = [Path(file["path"]) for file in clip["files"] if file["aspect_ratio"] == "4x5"]
    assert [path.is_file() for path in made] == [True]


def test_an_unknown_clip_is_named_with_those_there_are(cli: "Cli", processed: "Processed") -> None:
    run = cli("clips", processed.episode_id, "--clip", "none", "--library", processed.library, "--json")
    assert run.code == 2
    assert run.facts["failure"]["kind"] == "NotFound"


def test_facts_can_be_read_by_a_program_under_any_locale(cli: "Cli", processed: "Processed") -> None:
    run = cli(
        "show", processed.episode_id, "--library", processed.library, "--json", LC_ALL="C", PYTHONUTF8="0"
    )
    assert json.loads(run.out)["episode_id"] == processed.episode_id
    assert run.out.isascii()


def test_what_was_said_is_found_without_a_server(cli: "Cli", processed: "Processed") -> None:
    run = cli("search", "the", "--library", processed.library, "--limit", 3, "--json")
    assert run.code == 0
    assert len(run.facts["moments"]) == 3
    assert (run.facts["more"], run.facts["unread"]) == (True, 0)
    assert all(" the " in f" {moment['text'].lower()} " for moment in run.facts["moments"])
