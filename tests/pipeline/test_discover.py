import hashlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import discover
from pipeline.errors import BadOptions, Cancelled, UnreadableMedia
from pipeline.model import Source

NOW = 1_800_000_000.0


def ignore(share: float) -> None:
    """A report that nobody reads."""


def put(path: Path, content: bytes = b"x", *, age: float = 3600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (NOW - age, NOW - age))
    return path


def found(*folders: Path, stable: float = 10) -> list[str]:
    return [path.name for path in discover.scan(folders, stable=stable, now=NOW).ready]


@pytest.fixture
def recording(tone: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(tone, tmp_path / "talk.mp4"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def metadata(recording: Path, out: Path, content: Any, suffix: str = ".json") -> Any:
    text = content if isinstance(content, str) else json.dumps(content)
    recording.with_suffix(suffix).write_text(text, encoding="utf-8")
    return discover.examine(recording, out=out, report=ignore).metadata


def test_folders_are_walked_to_the_bottom_in_order(tmp_path: Path):
    for name in ("b.mp4", "a/z.MP3", "a/deep/er/y.mkv"):
        put(tmp_path / name)
    assert found(tmp_path) == ["y.mkv", "z.MP3", "b.mp4"]


def test_hidden_files_and_unfinished_downloads_are_passed_over(tmp_path: Path):
    for name in (".a.mp4", ".hidden/b.mp4", "c.mp4.part", "d.mp4.crdownload", "~e.mp4", "f.TMP", "g.mp4"):
        put(tmp_path / name)
    assert found(tmp_path) == ["g.mp4"]


def test_what_lies_beside_recordings_is_passed_over(tmp_path: Path, tone: Path):
    for name in ("talk.json", "talk.yaml", "talk.srt", "poster.jpg", "notes", "thesis.docx"):
        put(tmp_path / name, b"some text\n" * 50)
    put(tmp_path / "talk.mp4", tone.read_bytes())
    assert found(tmp_path) == ["talk.mp4"]


def test_a_recording_with_an_unknown_name_is_taken(tmp_path: Path, tone: Path):
    put(tmp_path / "STE-001.rec", tone.read_bytes())
    put(tmp_path / "no-suffix", tone.read_bytes())
    assert found(tmp_path) == ["STE-001.rec", "no-suffix"]


def test_a_broken_file_with_the_name_of_a_recording_is_taken_so_that_it_can_be_reported(tmp_path: Path):
    put(tmp_path / "empty.mp4", b"")
    assert found(tmp_path) == ["empty.mp4"]


def test_a_file_that_was_just_written_to_waits(tmp_path: Path):
    put(tmp_path / "fresh.mp4", age=9)
    put(tmp_path / "old.mp4", age=11)
    looked = discover.scan([tmp_path], stable=10, now=NOW)
    assert [path.name for path in looked.ready] == ["old.mp4"]
    assert [path.name for path in looked.waiting] == ["fresh.mp4"]


def test_a_time_a_moment_ahead_of_the_clock_waits_and_one_far_ahead_does_not(tmp_path: Path):
    put(tmp_path / "skewed.mp4", age=-3)
    put(tmp_path / "next-year.mp4", age=-3e7)
    assert found(tmp_path) == ["next-year.mp4"]


def test_by_default_the_clock_says_what_is_fresh(tmp_path: Path):
    (tmp_path / "fresh.mp4").write_bytes(b"x")
    looked = discover.scan([tmp_path], stable=60)
    assert (looked.ready, len(looked.waiting)) == ((), 1)


def test_links_that_lead_in_a_circle_end(tmp_path: Path):
    put(tmp_path / "folder/a.mp4")
    (tmp_path / "folder/loop").symlink_to(tmp_path, target_is_directory=True)
    assert found(tmp_path) == ["a.mp4"]


def test_a_linked_folder_is_walked_and_a_link_to_nothing_is_not_a_file(tmp_path: Path):
    put(tmp_path / "elsewhere/a.mp4")
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (inbox / "gone.mp4").symlink_to(tmp_path / "nothing.mp4")
    assert found(inbox) == ["a.mp4"]


def test_a_folder_named_twice_is_walked_once(tmp_path: Path):
    put(tmp_path / "inner/a.mp4")
    assert found(tmp_path, tmp_path / "inner", tmp_path) == ["a.mp4"]


def test_a_missing_folder_is_reported_and_the_others_are_walked(tmp_path: Path):
    put(tmp_path / "here/a.mp4")
    looked = discover.scan([tmp_path / "away", tmp_path / "here"], stable=10, now=NOW)
    assert [path.name for path in looked.ready] == ["a.mp4"]
    assert looked.closed == (f"{tmp_path / 'away'} cannot be looked into: No such file or directory",)


@pytest.mark.skipif(sys.platform != "linux", reason="all names are UTF-8 on this system")
def test_a_recording_whose_name_is_not_utf8_is_set_apart_and_the_others_are_taken(tmp_path: Path):
    for name in (b"Caf\xe9.mp4", b"Caf\xe9.txt", b"Th\xe9/a.mp4", "Café.mp4".encode()):
        put(tmp_path / os.fsdecode(name))
    looked = discover.scan([tmp_path], stable=10, now=NOW)
    assert [path.name for path in looked.ready] == ["Café.mp4"]
    assert looked.misnamed == (rf"{tmp_path}/Caf\udce9.mp4", rf"{tmp_path}/Th\udce9/a.mp4")


def test_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put(tmp_path / "a.mp4")
    monkeypatch.chdir(tmp_path)
    assert discover.scan([Path()], stable=10, now=NOW).ready == (tmp_path / "a.mp4",)


def test_the_source_is_written_as_it_is_returned(recording: Path, out: Path):
    source = discover.examine(recording, out=out, report=ignore)
    assert Source.model_validate_json((out / "source.json").read_bytes()) == source
    assert source.sha256 == hashlib.sha256(recording.read_bytes()).hexdigest()
    assert source.bytes == recording.stat().st_size
    assert source.media.path == str(recording)


def test_the_same_recording_gives_the_same_bytes(recording: Path, tmp_path: Path):
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        discover.examine(recording, out=tmp_path / name, report=ignore)
        written.append((tmp_path / name / "source.json").read_bytes())
    assert written[0] == written[1]


def test_progress_only_grows_and_ends_at_one(recording: Path, out: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(discover, "_CHUNK", 4096)
    seen: list[float] = []
    discover.examine(recording, out=out, report=seen.append)
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_a_cancelled_examination_writes_nothing(recording: Path, out: Path):
    def cancel(share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        discover.examine(recording, out=out, report=cancel)
    assert not list(out.iterdir())


def test_a_file_that_grows_while_it_is_read_is_refused(recording: Path, out: Path):
    def grow(share: float) -> None:
        with recording.open("ab") as file:
            file.write(b"more")

    with pytest.raises(UnreadableMedia, match=r"talk\.mp4 changed while it was read"):
        discover.examine(recording, out=out, report=grow)


def test_a_file_that_is_written_to_while_it_is_read_is_refused_at_any_size(recording: Path, out: Path):
    def rewrite(share: float) -> None:
        recording.write_bytes(recording.read_bytes())
        os.utime(recording, (NOW + share, NOW + share))  # the clock of a file system may be coarse

    with pytest.raises(UnreadableMedia, match=r"talk\.mp4 changed while it was read"):
        discover.examine(recording, out=out, report=rewrite)


@pytest.fixture
def spoken_into(silence: Path, tmp_path: Path) -> Iterator[Path]:
    """A sound file that another thread goes on writing, every 0.2 seconds."""
    talk, ended = Path(shutil.copy(silence, tmp_path / "talk.wav")), threading.Event()

    def write() -> None:
        while not ended.wait(0.2):
            with talk.open("ab") as file:
                file.write(bytes(1000))

    writer = threading.Thread(target=write)
    writer.start()
    yield talk
    ended.set()
    writer.join()


def test_a_file_that_somebody_is_writing_is_refused(spoken_into: Path, out: Path):
    with pytest.raises(UnreadableMedia, match=r"talk\.wav is still being written: try again when it is"):
        discover.examine(spoken_into, out=out, report=ignore, settle=0.6)
    assert not list(out.iterdir())


def test_a_file_that_was_just_written_is_examined_once_it_has_rested(recording: Path, out: Path):
    written = recording.stat().st_mtime
    discover.examine(recording, out=out, report=ignore, settle=0.6)
    assert time.time() - written >= 0.6


def test_a_file_that_goes_while_it_is_looked_at_is_said_to_be_gone(recording: Path, out: Path):
    def remove(share: float) -> None:
        recording.unlink(missing_ok=True)

    with pytest.raises(UnreadableMedia, match=r"talk\.mp4 cannot be read: No such file or directory"):
        discover.examine(recording, out=out, report=remove, settle=0.6)


@pytest.mark.parametrize("age", [5, -1000], ids=["it is old", "its clock was wrong"])
def test_nobody_waits_for_a_file_that_rests(recording: Path, out: Path, age: float):
    os.utime(recording, (time.time() - age,) * 2)
    started = time.monotonic()
    discover.examine(recording, out=out, report=ignore, settle=4)
    assert time.monotonic() - started < 3


def test_waiting_for_a_file_ends_with_a_cancel(recording: Path, out: Path):
    started = time.monotonic()

    def cancel(share: float) -> None:
        if time.monotonic() - started > 0.1:
            raise Cancelled

    with pytest.raises(Cancelled):
        discover.examine(recording, out=out, report=cancel, settle=30)
    assert time.monotonic() - started < 5


def test_the_source_file_is_left_as_it_is(recording: Path, out: Path):
    before = (recording.read_bytes(), recording.stat().st_mtime_ns)
    discover.examine(recording, out=out, report=ignore)
    assert (recording.read_bytes(), recording.stat().st_mtime_ns) == before


def test_without_metadata_nothing_is_known(recording: Path, out: Path):
    known = discover.examine(recording, out=out, report=ignore).metadata
    assert known.model_dump(exclude_defaults=True) == {}


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml", ".JSON", ".YAML", ".YML"])
def test_metadata_beside_the_recording_is_read(recording: Path, out: Path, suffix: str):
    content = {"title": "Über Kabel", "show": "Long Lines", "guests": ["Ann", "Bo"], "language": "de"}
    read = metadata(recording, out, content, suffix)
    assert (read.title, read.show, read.guests, read.language) == (
        "Über Kabel",
        "Long Lines",
        ("Ann", "Bo"),
        "de",
    )


def test_yaml_may_be_written_as_people_do(recording: Path, out: Path):
    read = metadata(recording, out, "# ours\ntitle: A talk\nvocabulary:\n  - Kelvin\n  - DuckDB\n", ".yaml")
    assert (read.title, read.vocabulary) == ("A talk", ("Kelvin", "DuckDB"))


def test_a_byte_order_mark_is_no_mistake(recording: Path, out: Path):
    assert metadata(recording, out, '\ufeff{"title": "From Windows"}').title == "From Windows"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"titel": "x"}, "has a field 'titel' that is not known: use title, show, guests"),
        ({"title": 1984}, "the field 'title' in .* must be a text, not 1984"),
        ({"guests": "Ann"}, "the field 'guests' in .* must be a list of texts, not 'Ann'"),
        ({"guests": ["Ann", 3]}, "the field 'guests.1' in .* must be a text, not 3"),
        ({"title": {"en": "x"}}, "the field 'title' in .* must be a text"),
        ("{broken", "cannot be read as metadata: .*line 1"),
    ],
)
def test_metadata_with_a_mistake_names_the_file_and_the_field(
    recording: Path, out: Path, content: Any, complaint: str
):
    with pytest.raises(BadOptions, match=complaint) as caught:
        metadata(recording, out, content)
    assert "talk.json" in str(caught.value)


def test_broken_yaml_is_named(recording: Path, out: Path):
    with pytest.raises(BadOptions, match=r"talk\.yml cannot be read as metadata: .*; correct or remove it"):
        metadata(recording, out, "title: [unclosed", ".yml")


@pytest.mark.parametrize(
    "content",
    [
        {"text": "hello", "language": "en", "segments": [{"start": 0, "end": 1}]},
        {"streams": {"0": "video"}},
        [{"start": 0}],
        "just a note",
    ],
)
def test_what_another_tool_wrote_is_not_taken_for_metadata(recording: Path, out: Path, content: Any):
    suffix = ".yaml" if isinstance(content, str) else ".json"
    assert metadata(recording, out, content, suffix).model_dump(exclude_defaults=True) == {}


def test_the_first_of_several_metadata_files_counts(recording: Path):
    assert discover.sidecar(recording) is None
    yaml = put(recording.with_suffix(".yaml"))
    assert discover.sidecar(recording) == yaml
    assert discover.sidecar(recording) != put(recording.with_suffix(".json"))
    assert discover.sidecar(recording) == recording.with_suffix(".json")


def test_a_recording_with_the_suffix_of_metadata_is_not_its_own(recording: Path):
    for name in ("talk.json", "other.YAML"):
        assert discover.sidecar(put(recording.with_name(name))) is None
    assert discover.sidecar(recording) == recording.with_name("talk.json")
