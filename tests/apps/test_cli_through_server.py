"""The command line while a server has the library: every command goes through it."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import speech_models
from tests.apps.conftest import SMALL
from tests.apps.served import Server
from workbench import run_file

if TYPE_CHECKING:
    from tests.apps.conftest import Cli, Processed, Run, Start

pytestmark = pytest.mark.timeout(900)  # on a busy machine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    library = tmp_path_factory.mktemp("served")
    (library / "workbench.toml").write_text(SMALL)
    server = Server(library, WORKBENCH_STABLE_SECONDS="0")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def first(cli: "Cli", server: Server, tone: Path) -> "Run":
    """The run that processed the tone."""
    return through(cli, server, "process", tone, "--target-stage", "transcribed")


@pytest.fixture(scope="module")
def episode_id(first: "Run") -> str:
    return str(first.facts["episode_id"])


def through(cli: "Cli", server: Server, *arguments: object) -> "Run":
    return cli(*arguments, "--library", server.library, "--json")


def jobs_of(server: Server, **asked: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.client.get("/async/jobs", params=asked).json()["jobs"]
    return found


def test_a_file_is_processed_by_the_server(first: "Run", server: Server, tone: Path) -> None:
    assert first.code == 0
    assert {name: first.facts[name] for name in ("file", "status", "stage", "failure")} == {
        "file": str(tone),
        "status": "completed",
        "stage": "transcribed",
        "failure": None,
    }
    assert re.search(r"tone: done in \d+:\d\d", first.err)
    assert [job["job_type"] for job in jobs_of(server)][:2] == ["process_episode", "discover_episodes"]


def test_a_folder_and_an_episode_are_processed_together(
    cli: "Cli", server: Server, episode_id: str, silence: Path, tmp_path: Path
) -> None:
    shutil.copy(silence, tmp_path / "silence.wav")
    (tmp_path / "broken.mp4").write_text("no recording")
    run = cli(
        *("process", ".", episode_id, "nowhere", "--target-stage", "discovered"),
        *("--library", server.library, "--json"),
        cwd=tmp_path,
    )
    ended = {Path(line["file"]).name: (line["status"], line["failure"]) for line in run.lines}
    assert run.code == 1
    assert [ended[name][0] for name in ("silence.wav", "tone.mp4", "broken.mp4", "nowhere")] == [
        *("completed", "completed", "failed", "failed")
    ]
    assert ended["broken.mp4"][1]["kind"] == "UnreadableMedia"


def test_recordings_are_found_where_the_command_says(
    cli: "Cli", server: Server, tone: Path, tmp_path: Path
) -> None:
    shutil.copy(tone, tmp_path / "again.mp4")
    run = cli("discover", "again.mp4", "--library", server.library, "--json", cwd=tmp_path)
    assert run.code == 0
    assert [found["file"] for found in run.facts["episodes"]] == [str(tmp_path / "again.mp4")]


def test_what_is_shown_is_what_the_library_itself_shows(
    cli: "Cli", server: Server, episode_id: str, tmp_path: Path
) -> None:
    commands = (("show", episode_id), ("episodes",), ("keys",))
    by_server = [through(cli, server, *command).facts for command in commands]
    copy = tmp_path / "copy"
    job_id = next(job["job_id"] for job in jobs_of(server) if job["episode_id"] == episode_id)
    job = through(cli, server, "job", job_id).facts
    listed = through(cli, server, "jobs").facts
    assert (job["log"][-1]["kind"], job["params"]["target_stage"]) == ("completed", "discovered")
    assert [each["job_id"] for each in listed] == [each["job_id"] for each in jobs_of(server)]
    with Stopped(server):
        shutil.copytree(server.library, copy, symlinks=True)
    moved = [cli(*command, "--library", copy, "--json").facts for command in commands]
    assert by_server == json.loads(
        json.dumps(moved).replace(f"{copy}/episodes", f"{server.library}/episodes")
    )
    assert cli("job", job_id, "--library", copy, "--json").facts == job


class Stopped:
    """Holds a server's process still, so that its files can be copied as they are."""

    def __init__(self, server: Server) -> None:
        self._pid = server.process.pid

    def __enter__(self) -> None:
        time.sleep(1.0)  # what it was about to write is written
        os.kill(self._pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGCONT)


def test_a_person_sees_the_same_tables(cli: "Cli", server: Server, episode_id: str) -> None:
    said = cli("show", episode_id, "--library", server.library)
    assert re.search(rf"^episode +{episode_id} *$", said.out, re.MULTILINE)
    assert f"workbench process {episode_id} --library {server.library}" in said.err
    assert episode_id in cli("episodes", "--library", server.library).out
    assert "completed" in cli("jobs", "--library", server.library, "--limit", "3").out
    assert "doctor" not in cli("doctor", "--library", server.library).err


def test_a_failed_job_is_done_once_more(cli: "Cli", server: Server, two_tracks: Path, tmp_path: Path) -> None:
    place = tmp_path / "two.mp4"
    shutil.copy(two_tracks, place)
    (found,) = through(cli, server, "discover", place).facts["episodes"]
    place.unlink()
    failed = through(cli, server, "process", found["episode_id"], "--target-stage", "transcribed")
    assert (failed.code, failed.facts["status"]) == (1, "failed")
    job_id = jobs_of(server)[0]["job_id"]
    shutil.copy(two_tracks, place)
    again = through(cli, server, "retry", job_id)
    assert (again.code, again.facts["status"]) == (0, "completed")
    assert again.facts["job_id"] == jobs_of(server)[0]["job_id"] != job_id
    refused = through(cli, server, "retry", again.facts["job_id"])
    assert (refused.code, refused.facts["failure"]["kind"]) == (2, "NotAllowed")


def test_what_does_not_exist_ends_with_2(cli: "Cli", server: Server) -> None:
    run = cli("show", "nobody", "--library", server.library)
    assert (run.code, run.out) == (2, "")
    assert run.err == "error: there is no episode nobody; `workbench episodes` lists them\n"


@pytest.mark.parametrize("flag", ["--workers=3", "--scheduler=tcp://127.0.0.1:1"])
@pytest.mark.parametrize("name", ["process", "discover"])
def test_what_only_the_server_can_decide_is_refused(cli: "Cli", server: Server, name: str, flag: str) -> None:
    run = cli(name, flag, "--library", server.library)
    assert run.code == 2
    setting = flag.strip("-").partition("=")[0]
    assert run.err.startswith(f"error: {setting} cannot be used while the server at http://")
    assert len(run.err.splitlines()) == 1


def test_the_model_and_language_go_with_the_job(cli: "Cli", server: Server, tone: Path) -> None:
    flags = ("--target-stage", "transcribed", "--force", "--language", "en", "--model", "tiny.en")
    assert through(cli, server, "process", tone, *flags).code == 0
    job = through(cli, server, "job", jobs_of(server)[0]["job_id"]).facts
    assert job["params"]["options"]["transcribe"]["language"] == "en"
    missing = through(cli, server, "process", tone, "--model", "large-v3")
    assert (missing.code, missing.facts["failure"]["kind"]) == (2, "BadOptions")


def test_the_folder_of_a_model_is_named_from_here_and_one_without_is_wrong_usage(
    cli: "Cli", server: Server, episode_id: str, tmp_path: Path
) -> None:
    shutil.copytree(speech_models.folder("tiny.en"), tmp_path / "mine")
    flags = ("--target-stage", "discovered", "--library", server.library, "--json")
    assert cli("process", episode_id, *flags, "--model", "mine", cwd=tmp_path).code == 0
    job = through(cli, server, "job", jobs_of(server)[0]["job_id"]).facts
    assert job["params"]["options"]["transcribe"]["model"] == str(tmp_path / "mine")
    for name in ("./nowhere", "no such name"):
        missing = cli("process", episode_id, *flags, "--model", name, cwd=tmp_path)
        assert (missing.code, missing.facts["failure"]["kind"]) == (2, "BadOptions")


def test_keys_are_made_and_revoked_while_the_server_runs(cli: "Cli", server: Server) -> None:
    made = through(cli, server, "keys", "n8n").facts
    key_id = made["keys"][-1]["key_id"]
    assert server.client.get("/async/stats").status_code == 401
    assert through(cli, server, "jobs").code == 0  # the command line needs none
    assert server.client.get("/async/stats", headers={"X-API-Key": made["key"]}).status_code == 200
    revoked = through(cli, server, "keys", "--revoke", key_id).facts["keys"][-1]
    assert revoked["revoked_at"]
    assert server.client.get("/async/stats").status_code == 200


def test_old_jobs_and_unused_artefacts_are_shown_before_they_go(
    cli: "Cli", server: Server, episode_id: str
) -> None:
    would = through(cli, server, "clean", "--dry-run").facts
    assert would["dry_run"]
    assert would["bytes"] == sum(each["bytes"] for each in would["artefacts"])
    places = [server.library / each["path"] for each in would["artefacts"]]
    assert all(place.exists() for place in places)
    done = cli("clean", "--library", server.library)
    assert done.code == 0
    assert re.search(r"^removed \d+ jobs? and \d+ artefacts? \(\d+\.\d MB\)$", done.out, re.MULTILINE)
    assert not any(place.exists() for place in places)
    assert Path(through(cli, server, "show", episode_id).facts["shelf"]).is_dir()


def test_ctrl_c_cancels_what_the_command_asked_for(
    start: "Start", server: Server, demo_recording: Path
) -> None:
    command = start("process", demo_recording, "--library", server.library)
    deadline = time.monotonic() + 120
    while not any(job["job_type"] == "process_episode" for job in jobs_of(server, status="running")):
        assert time.monotonic() < deadline
        assert command.poll() is None
        time.sleep(0.1)
    command.send_signal(signal.SIGINT)
    assert command.wait(60) == 130
    assert jobs_of(server)[0]["status"] == "cancelled"


def test_to_look_on_at_a_servers_jobs_and_go_away_leaves_them_alone(
    cli: "Cli", start: "Start", server: Server, demo_recording: Path
) -> None:
    through(cli, server, "discover", demo_recording)
    body = {"target_stage": "enriched", "force_reprocess": True}
    found = server.client.get("/episodes").json()["episodes"]
    talk = max(found, key=lambda each: each["duration"])["episode_id"]
    made = server.client.post(f"/async/episodes/{talk}/process", json=body).json()
    command = start("process", "--library", server.library)
    assert command.stderr
    command.stderr.readline()  # it shows the job
    command.send_signal(signal.SIGINT)
    assert command.wait(60) == 130
    assert server.client.get(made["links"]["self"]).json()["status"] == "running"
    assert through(cli, server, "cancel", made["job_id"]).facts["status"] == "cancelled"


def test_clips_come_with_their_files_on_this_machine(cli: "Cli", processed: "Processed") -> None:
    server = Server(processed.library)
    try:
        run = through(cli, server, "clips", processed.episode_id, "--variant", "clean", "--ratio", "1x1")
        shown = through(cli, server, "show", processed.episode_id).facts
    finally:
        server.stop()
    assert run.code == 0
    assert [clip["clip_id"] for clip in run.facts["clips"]] == [clip["clip_id"] for clip in shown["clips"]]
    files = [file for clip in shown["clips"] for file in clip["files"]]
    assert all(Path(file["path"]).is_file() and file["variant"] in file["path"] for file in files)
    asked = [file for file in files if (file["variant"], file["aspect_ratio"]) == ("clean", "1x1")]
    assert len(asked) == len(shown["clips"]) > 0


def test_what_a_killed_server_left_is_ignored(cli: "Cli", tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.client.close()
    server.process.kill()
    server.process.wait()
    assert (tmp_path / run_file.NAME).exists()
    run = cli("jobs", "--library", tmp_path, "--json")
    assert (run.code, run.facts) == (0, [])


def test_without_a_server_nothing_is_loaded_that_talks_to_one(cli: "Cli", tmp_path: Path) -> None:
    run = cli("jobs", "--library", tmp_path, PYTHONPROFILEIMPORTTIME="1")
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in run.err.splitlines()}
    assert "typer" in modules
    assert not modules & {"httpx2", "psutil", "tqdm"}
