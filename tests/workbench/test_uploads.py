"""Uploads on the disk: what is kept, what is refused, and what a crash may do."""

import hashlib
import json
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline import discover
from pipeline.model import Metadata
from workbench.uploads import (
    Announced,
    DiskFull,
    Upload,
    UploadChecksum,
    UploadConflict,
    UploadLocked,
    UploadNotFound,
    UploadQuota,
    Uploads,
    UploadTooLarge,
)

TALK = b"talk" * 1000
OTHER_DISK = Path("/dev/shm")
TOLD = Metadata(title="Größe", show="Newsroom", guests=("Ada", "Bo"), language="de")

type Make = Callable[..., Uploads]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Opens the folder of uploads, as a process that starts does."""

    def opened(inbox: Path = tmp_path / "inbox", **limits: float) -> Uploads:
        given = {"most_bytes": 10_000, "quota_bytes": 20_000, "keep": 60.0} | limits
        return Uploads(tmp_path / "uploads", inbox, **given)

    return opened


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


def begun(uploads: Uploads, content: bytes = TALK, name: str = "talk.mp4", **more: object) -> Upload:
    """An upload of which all has come, but whose last request has not been answered."""
    upload = uploads.create(Announced(length=len(content), filename=name, **more))
    with uploads.append(upload.upload_id, 0) as writer:
        writer.write(content)
    return upload


def sent(uploads: Uploads, content: bytes = TALK, name: str = "talk.mp4", **more: object) -> Path:
    path = uploads.finish(begun(uploads, content, name, **more).upload_id)
    assert path
    return path


def held(folder: Path) -> dict[str, bytes]:
    """Every file in `folder` and its content, but for the metadata's."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.suffix != ".json"}


def test_what_came_in_pieces_arrives_whole_in_the_inbox_and_leaves_no_part(
    make: Make, inbox: Path, tmp_path: Path
):
    uploads = make()
    upload = uploads.create(Announced(length=len(TALK), filename="talk.mp4"))
    for start in range(0, len(TALK), 1500):
        with uploads.append(upload.upload_id, start) as writer:
            writer.write(TALK[start : start + 1500])
            path = writer.finish()
    assert path == inbox / "talk.mp4"
    assert held(inbox) == {"talk.mp4": TALK}
    assert held(tmp_path / "uploads") == {}
    assert uploads.upload(upload.upload_id).offset == len(TALK)


def test_the_offset_is_the_size_on_the_disk_so_a_new_process_goes_on(make: Make, inbox: Path):
    upload = make().create(Announced(length=len(TALK), filename="talk.mp4"))
    writer = make().append(upload.upload_id, 0)
    writer.write(TALK[:1234])  # and the process is gone: nothing is closed
    fresh = make()
    assert fresh.upload(upload.upload_id).offset == 1234
    with fresh.append(upload.upload_id, 1234) as rest:
        rest.write(TALK[1234:])
        rest.finish()
    assert held(inbox) == {"talk.mp4": TALK}
    writer.__exit__()


def test_an_upload_goes_on_only_where_it_stands(make: Make):
    uploads = make()
    upload = begun(uploads, TALK[:100], name="talk.mp4")
    with pytest.raises(
        UploadConflict, match=r"talk\.mp4\) goes on at byte 100, not 99: send from there"
    ) as refused:
        uploads.append(upload.upload_id, 99)
    assert refused.value.offset == 100
    with uploads.append(upload.upload_id, 100):
        pass  # the one who was refused has left no lock


def test_one_writer_at_a_time(make: Make):
    uploads = make()
    upload = uploads.create(Announced(length=10, filename="talk.mp4"))
    with uploads.append(upload.upload_id, 0):
        for verb in (uploads.remove, uploads.finish, lambda one: uploads.append(one, 0)):
            with pytest.raises(UploadLocked, match="being sent by another connection"):
                verb(upload.upload_id)
        assert uploads.sweep(datetime.now(UTC) + timedelta(days=1)) == []
    with uploads.append(upload.upload_id, 0):
        pass


def test_more_than_was_announced_is_refused_and_not_kept(make: Make):
    uploads = make()
    upload = uploads.create(Announced(length=10, filename="talk.mp4"))
    with uploads.append(upload.upload_id, 0) as writer:
        writer.write(b"12345678")
        with pytest.raises(UploadTooLarge, match=r"announced with 10 bytes, and 3 come after 8"):
            writer.write(b"901")
    assert uploads.upload(upload.upload_id).offset == 8


def test_what_is_done_takes_nothing_more(make: Make, inbox: Path, tmp_path: Path):
    uploads = make()
    upload = begun(uploads)
    uploads.finish(upload.upload_id)
    with uploads.append(upload.upload_id, len(TALK)) as writer:
        with pytest.raises(UploadTooLarge):
            writer.write(b"more")
        assert writer.finish() is None
    assert held(inbox) == {"talk.mp4": TALK}
    assert held(tmp_path / "uploads") == {}


@pytest.mark.parametrize("upload_id", ["0" * 32, "../../etc/passwd", "", "é" * 32, "0" * 31 + "\n"])
def test_an_id_that_no_upload_has_is_not_found(make: Make, upload_id: str):
    uploads = make()
    for verb in (uploads.upload, uploads.remove, uploads.finish, lambda one: uploads.append(one, 0)):
        with pytest.raises(UploadNotFound):
            verb(upload_id)


def test_a_file_that_is_too_large_is_refused_at_once(make: Make):
    with pytest.raises(UploadTooLarge, match=r"^talk\.mp4 has 10001 bytes: at most 10000 are taken$"):
        make().create(Announced(length=10_001, filename="talk.mp4"))


def test_the_quota_counts_what_unfinished_uploads_will_have(make: Make):
    uploads = make(quota_bytes=10_000)
    first = uploads.create(Announced(length=7_000, filename="one.mp4"))
    assert uploads.used_bytes() == 7_000
    with pytest.raises(UploadQuota, match=r"two\.mp4 would pass the 10000 bytes"):
        uploads.create(Announced(length=3_001, filename="two.mp4"))
    uploads.remove(first.upload_id)
    sent(uploads, TALK)
    assert uploads.used_bytes() == 0
    uploads.create(Announced(length=10_000, filename="two.mp4"))


def test_the_disk_keeps_its_free_space_from_what_is_still_to_come(make: Make, tmp_path: Path):
    gigabyte = 1 << 30
    spare = shutil.disk_usage(tmp_path).free - 5 * gigabyte
    uploads = make(min_free=spare, most_bytes=9 * gigabyte, quota_bytes=9 * gigabyte)
    first = uploads.create(Announced(length=3 * gigabyte, filename="one.mp4"))
    with pytest.raises(DiskFull, match=r"two\.mp4 would leave less than \d+ bytes free"):
        uploads.create(Announced(length=3 * gigabyte, filename="two.mp4"))
    with (tmp_path / "uploads" / f"{first.upload_id}.part").open("wb") as part:
        part.truncate(3 * gigabyte)  # it has come; a file of holes takes no space
    assert uploads.create(Announced(length=3 * gigabyte, filename="two.mp4"))


def test_a_full_disk_is_a_sentence_and_what_fitted_is_kept(make: Make):
    uploads = make(most_bytes=1 << 20, quota_bytes=1 << 20)
    upload = uploads.create(Announced(length=100_000, filename="talk.mp4"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with uploads.append(upload.upload_id, 0) as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
        try:
            with pytest.raises(DiskFull, match=r"talk\.mp4 does not fit on the disk: make room"):
                writer.write(b"x" * 100_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert uploads.upload(upload.upload_id).offset == 50_000
    with uploads.append(upload.upload_id, 50_000) as writer:
        writer.write(b"x" * 50_000)
        assert writer.finish()


def test_a_chunk_that_is_not_what_it_should_be_is_cut_off_again(make: Make, inbox: Path):
    uploads = make()
    upload = uploads.create(Announced(length=20, filename="talk.mp4"))
    with uploads.append(upload.upload_id, 0) as writer:
        writer.write(b"0123456789")
    good = ("sha1", hashlib.sha1(b"abcdefghij").digest())
    with uploads.append(upload.upload_id, 10, checksum=good) as writer:
        writer.write(b"abcdefghiX")
        with pytest.raises(UploadChecksum, match=r"from byte 10 on does not have the sha1"):
            writer.finish()
    assert uploads.upload(upload.upload_id).offset == 10
    with uploads.append(upload.upload_id, 10, checksum=good) as writer:
        writer.write(b"abcdefghij")
        assert writer.finish() == inbox / "talk.mp4"
    assert held(inbox) == {"talk.mp4": b"0123456789abcdefghij"}


def test_an_empty_chunk_with_a_wrong_checksum_leaves_what_is_done_as_it_is(make: Make, inbox: Path):
    uploads = make()
    upload = begun(uploads)
    assert uploads.finish(upload.upload_id) == inbox / "talk.mp4"
    wrong = ("sha1", hashlib.sha1(b"something").digest())
    with uploads.append(upload.upload_id, len(TALK), checksum=wrong) as writer, pytest.raises(UploadChecksum):
        writer.finish()
    assert uploads.upload(upload.upload_id).done == inbox / "talk.mp4"
    assert held(inbox) == {"talk.mp4": TALK}


def test_a_file_that_is_not_what_was_announced_is_gone(make: Make, inbox: Path, tmp_path: Path):
    uploads = make()
    upload = begun(uploads, sha256=hashlib.sha256(b"another").hexdigest())
    with pytest.raises(
        UploadChecksum, match=r"talk\.mp4 came with the sha256 \w{64}, not \w{64}: send it again"
    ):
        uploads.finish(upload.upload_id)
    with pytest.raises(UploadNotFound):
        uploads.upload(upload.upload_id)
    assert held(inbox) == held(tmp_path / "uploads") == {}
    assert sent(uploads, sha256=hashlib.sha256(TALK).hexdigest())


def test_an_expired_upload_is_not_found_and_swept(make: Make, tmp_path: Path):
    uploads = make(keep=0.3)
    upload = begun(uploads)
    time.sleep(0.4)
    with pytest.raises(UploadNotFound, match="has expired: start it again"):
        uploads.append(upload.upload_id, len(TALK))
    assert uploads.sweep() == [upload.upload_id]
    assert list((tmp_path / "uploads").iterdir()) == []


def test_every_byte_that_comes_puts_the_end_off(make: Make):
    uploads = make(keep=0.5)
    upload = uploads.create(Announced(length=30, filename="talk.mp4"))
    for start in range(0, 30, 10):
        with uploads.append(upload.upload_id, start) as writer:
            writer.write(b"0123456789")
        time.sleep(0.3)
    assert uploads.upload(upload.upload_id).expires_at > upload.expires_at
    assert uploads.sweep() == []


def test_a_done_upload_is_forgotten_in_time_and_its_file_stays(make: Make, inbox: Path):
    uploads = make()
    upload = begun(uploads)
    uploads.finish(upload.upload_id)
    assert uploads.sweep(datetime.now(UTC) + timedelta(seconds=61)) == [upload.upload_id]
    assert held(inbox) == {"talk.mp4": TALK}


def test_nothing_in_the_inbox_is_ever_written_over(make: Make, inbox: Path):
    uploads = make()
    (inbox / "talk.mp4").write_bytes(b"mine")
    (inbox / "talk-2.mp4").symlink_to(inbox / "nowhere")
    upload = begun(uploads)
    assert uploads.finish(upload.upload_id) == uploads.upload(upload.upload_id).done == inbox / "talk-3.mp4"
    assert sent(uploads, b"x").name == "talk-4.mp4"
    assert (inbox / "talk.mp4").read_bytes() == b"mine"


def test_uploads_of_one_name_that_end_at_once_all_arrive(make: Make, inbox: Path):
    uploads = make(quota_bytes=1 << 20)
    ready = [begun(uploads, f"talk {number}".encode()).upload_id for number in range(12)]
    threads = [threading.Thread(target=uploads.finish, args=(upload_id,)) for upload_id in ready]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held(inbox).values()) == sorted(f"talk {number}".encode() for number in range(12))


def test_what_was_told_lies_beside_the_recording_where_discovery_looks(make: Make):
    path = sent(make(), metadata=TOLD)
    beside = discover.sidecar(path)
    assert beside == path.with_suffix(".json")
    assert Metadata.model_validate_json(beside.read_text("utf-8")) == TOLD
    assert "vocabulary" not in json.loads(beside.read_bytes())


def test_metadata_of_another_recording_is_neither_written_over_nor_taken_for_ours(make: Make, inbox: Path):
    uploads = make()
    (inbox / "talk.json").write_text('{"title": "mine"}')
    path = sent(uploads, metadata=TOLD)
    assert path.name == "talk-2.mp4"
    assert (inbox / "talk.json").read_text() == '{"title": "mine"}'
    assert sent(uploads).name == "talk.mp4"  # without metadata the name is free


@pytest.mark.parametrize("told", [(None, TOLD), (TOLD, None), (TOLD, TOLD)])
def test_two_recordings_that_differ_in_their_suffix_alone_do_not_share_metadata(
    make: Make, told: tuple[Metadata | None, Metadata | None]
):
    uploads = make()
    first, second = (
        sent(uploads, name=name, **({"metadata": each} if each else {}))
        for name, each in zip(("talk.mp4", "talk.wav"), told, strict=True)
    )
    assert (first.name, second.name) == ("talk.mp4", "talk-2.wav")
    assert [bool(discover.sidecar(path)) for path in (first, second)] == [bool(each) for each in told]


def test_metadata_with_a_suffix_in_capitals_belongs_to_the_recording_that_has_it(make: Make, inbox: Path):
    uploads = make()
    (inbox / "talk.mp4").write_bytes(b"a talk")
    (inbox / "talk.YAML").write_text("title: mine")
    assert sent(uploads, name="talk.wav").name == "talk-2.wav"


def test_two_recordings_without_metadata_keep_their_names(make: Make):
    uploads = make()
    assert [sent(uploads, name=name).name for name in ("talk.mp4", "talk.wav")] == ["talk.mp4", "talk.wav"]


def test_a_metadata_file_can_itself_be_uploaded(make: Make, inbox: Path):
    path = sent(make(), b'{"title": "Mine"}', name="talk.json", metadata=TOLD)
    assert path.read_bytes() == b'{"title": "Mine"}'
    assert [file.name for file in inbox.iterdir()] == ["talk.json"]


def placed(uploads: Path, upload: Upload, name: str) -> None:
    """The record as it is just before the file gets its name."""
    record = uploads / f"{upload.upload_id}.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"placed": name}))


@pytest.mark.parametrize("steps", range(4))
def test_wherever_a_crash_stops_the_last_step_it_goes_on_and_happens_once(
    make: Make, inbox: Path, tmp_path: Path, steps: int
):
    upload, name = begun(make(), metadata=TOLD), "talk-2.mp4" if steps else "talk.mp4"
    part = tmp_path / "uploads" / f"{upload.upload_id}.part"
    if steps > 0:
        placed(tmp_path / "uploads", upload, name)
    if steps > 1:
        (inbox / "talk-2.json").write_text(TOLD.model_dump_json(indent=1, exclude_defaults=True), "utf-8")
    if steps > 2:
        (inbox / name).hardlink_to(part)
    fresh = make()
    assert not fresh.upload(upload.upload_id).done
    assert [each.done for each in fresh.recover()] == [inbox / name]
    assert [each.done for each in make().recover()] == [inbox / name]  # until somebody was told
    assert held(inbox) == {name: TALK}
    assert discover.sidecar(inbox / name)
    fresh.tell(upload.upload_id)
    assert fresh.recover() == make().recover() == []
    assert not part.exists()


def test_a_name_that_was_taken_while_the_server_was_down_is_left_alone(make: Make, tmp_path: Path):
    upload = begun(make())
    placed(tmp_path / "uploads", upload, "talk.mp4")
    (tmp_path / "inbox" / "talk.mp4").write_bytes(b"mine")
    assert [each.done for each in make().recover()] == [tmp_path / "inbox" / "talk-2.mp4"]
    assert held(tmp_path / "inbox") == {"talk.mp4": b"mine", "talk-2.mp4": TALK}


def test_a_record_that_was_half_written_is_cleared_away(make: Make, tmp_path: Path):
    upload = begun(make(), TALK)
    half = tmp_path / "uploads" / f".{upload.upload_id}.json.new"
    half.write_text('{"length')
    assert make().upload(upload.upload_id).offset == len(TALK)
    assert not half.exists()


def test_an_upload_of_no_bytes_is_a_file_of_no_bytes(make: Make, inbox: Path):
    uploads = make()
    upload = uploads.create(Announced(length=0, filename="nothing.mp4"))
    with uploads.append(upload.upload_id, 0) as writer:
        assert writer.finish() == inbox / "nothing.mp4"
    assert held(inbox) == {"nothing.mp4": b""}


@pytest.mark.skipif(not OTHER_DISK.is_dir(), reason="there is no second disk here")
def test_an_inbox_on_another_disk_gets_a_copy_and_never_half_of_it(make: Make):
    with tempfile.TemporaryDirectory(dir=OTHER_DISK) as folder:
        uploads = make(inbox=Path(folder))
        (Path(folder) / "talk.mp4").write_bytes(b"mine")
        assert sent(uploads, metadata=TOLD) == Path(folder) / "talk-2.mp4"
        assert held(Path(folder)) == {"talk.mp4": b"mine", "talk-2.mp4": TALK}
