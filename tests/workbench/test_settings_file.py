"""Changes of a library's settings by the workbench itself."""

import stat
import tomllib
from pathlib import Path

import pytest

from workbench.errors import BadSetting
from workbench.settings import FILE
from workbench.settings_file import put

WRITTEN = """\
# the newsroom's workbench
model = "tiny.en"  # until the new machine comes
schedules = [
    "0 2 * * * process",  # every night
    "0 12 * * * discover",
]
clip_count = 3
"""


def test_a_list_is_put_where_it_was_and_all_else_stays_as_it_was_written(tmp_path: Path):
    file = tmp_path / FILE
    file.write_text(WRITTEN)
    put(tmp_path, "schedules", ["@daily discover"])
    head, _, rest = WRITTEN.partition("schedules")
    tail = rest.partition("]\n")[2]
    assert file.read_text() == f'{head}schedules = ["@daily discover"]\n{tail}'


@pytest.mark.parametrize("before", ["", 'model = "tiny.en"', "# nothing yet\n", 'schedules = "a; b"\n'])
def test_a_list_comes_into_any_file(tmp_path: Path, before: str):
    (tmp_path / FILE).write_text(before)
    put(tmp_path, "schedules", ['say "hello" * ü', "b"])
    written = tomllib.loads((tmp_path / FILE).read_text())
    assert written == tomllib.loads(before) | {"schedules": ['say "hello" * ü', "b"]}


def test_a_library_without_a_file_gets_one(tmp_path: Path):
    put(tmp_path, "maintenance_windows", [])
    assert (tmp_path / FILE).read_text() == "maintenance_windows = []\n"


def test_the_file_stays_readable_for_whom_it_was_and_a_link_stays_one(tmp_path: Path):
    real = tmp_path / "elsewhere.toml"
    real.write_text("clip_count = 3\n")
    real.chmod(0o640)
    (tmp_path / FILE).symlink_to(real)
    put(tmp_path, "schedules", [])
    assert (tmp_path / FILE).is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert tomllib.loads(real.read_text()) == {"clip_count": 3, "schedules": []}


@pytest.mark.parametrize("text", ["no TOML", '"schedules" = ["a"]\n', 'a = """\nschedules = 1\n"""\n'])
def test_a_file_that_only_a_person_can_change_is_left_as_it_is(tmp_path: Path, text: str):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BadSetting, match="write `schedules` into it by hand"):
        put(tmp_path, "schedules", ["b"])
    assert (tmp_path / FILE).read_text() == text
    assert [each.name for each in tmp_path.iterdir()] == [FILE]
