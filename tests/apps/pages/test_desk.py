"""The sentence about what has to be made again."""

import pytest

from apps.pages.desk import in_short
from workbench.reviewed import Rebuild

PAGE, CLIP = {"page": True}, {"clips": ("a",), "clip_files": ("a/clean_9x16", "a/clean_1x1")}


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({}, ""),
        (PAGE, "the page and its subtitles have to be made again."),
        (PAGE | {"seconds": 42}, "the page and its subtitles have to be made again, about 42 s."),
        (CLIP, "1 clip (2 files) have to be made again."),
        (PAGE | CLIP, "the page and its subtitles and 1 clip (2 files) have to be made again."),
        ({"leaving": ("a", "b")}, "the files of 2 clips have to go."),
        (
            PAGE | {"leaving": ("a",), "seconds": 3},
            "the page and its subtitles have to be made again, about 3 s, "
            "and the files of 1 clip have to go.",
        ),
    ],
)
def test_all_that_lags_behind_what_people_changed_is_told(what: dict[str, object], told: str):
    sentence = in_short(Rebuild.model_validate(what), busy=False)
    assert sentence == (f"To follow what was changed, {told}" if told else "")


def test_while_a_job_is_at_work_no_time_is_promised():
    rebuild = Rebuild(page=True, seconds=42)
    assert in_short(rebuild, busy=True).startswith("A job is at work; to follow what was changed, the page")
    assert "42" not in in_short(rebuild, busy=True)
