"""Many files as one ZIP that is sent while it is written."""

import io
import zipfile
from pathlib import Path

from apps.rest.archive import archived


def test_an_archive_holds_its_files_under_their_names_as_they_are(tmp_path: Path):
    one, other = tmp_path / "a.mp4", tmp_path / "b.mp4"
    one.write_bytes(bytes(3_000_000))
    other.write_bytes(b"other")
    pieces = list(archived({"talk/one.mp4": one, "talk/ünd.mp4": other}))
    assert max(map(len, pieces)) < 2_000_000, "no piece is as large as a file"
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["talk/one.mp4", "talk/ünd.mp4"]
        assert archive.read("talk/ünd.mp4") == b"other"
        assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}
