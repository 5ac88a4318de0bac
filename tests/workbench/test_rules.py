"""What holds work back, and how that is said."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from workbench.calendar import Window
from workbench.errors import BadSetting
from workbench.rules import Rules, rules_of
from workbench.settings import Settings

ALWAYS = (Window.parse("daily 00:00-24:00"),)


def test_nothing_is_held_back_without_a_reason(tmp_path: Path):
    assert Rules(tmp_path, min_free=1).pause() is None


def test_a_window_says_until_when(tmp_path: Path):
    reason = Rules(tmp_path, windows=ALWAYS, zone=ZoneInfo("Europe/Berlin")).pause()
    assert reason
    assert reason.startswith("maintenance window until ")


def test_a_disk_that_is_nearly_full_names_the_setting(tmp_path: Path):
    assert "`min_free_gb`" in (Rules(tmp_path, min_free=1 << 60).pause() or "")


def test_a_disk_that_cannot_be_looked_at_holds_work_back_and_breaks_nothing(tmp_path: Path):
    reason = Rules(tmp_path / "gone", min_free=1).pause()
    assert reason == "the library's disk cannot be looked at: No such file or directory"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("timezone", "Europe/Atlantis"),
        ("timezone", "../etc"),
        ("stage_limits", ("transcribed=many",)),
        ("stage_limits", ("everything=1",)),
        ("stage_limits", ("clipped=0",)),
    ],
)
def test_a_rule_that_cannot_be_read_names_its_setting(tmp_path: Path, setting: str, value: object):
    settings = Settings.model_validate({"library": tmp_path, setting: value})
    with pytest.raises(BadSetting, match=f"setting `{setting}`"):
        rules_of(settings)


def test_settings_become_rules(tmp_path: Path):
    told = {"stage_limits": ("clipped=2",), "job_timeout_minutes": 90, "parallel_episodes": 7}
    rules = rules_of(Settings.model_validate({"library": tmp_path} | told))
    assert (dict(rules.limits), rules.timeout, rules.parallel) == ({"clipped": 2}, 5400, 7)
