"""What is left of a path for those who may not know the server's folders."""

import pytest

from workbench.names import names_only


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "/home/ann/talk.mp4 is empty (0 bytes): copy it again",
            "talk.mp4 is empty (0 bytes): copy it again",
        ),
        ("/home/Ann Lee/the talk [1].mp4: it has no sound", "the talk [1].mp4: it has no sound"),
        ("/a, b/c (old)/Ann's/d.mp4 is gone", "d.mp4 is gone"),
        ("'/a/b.mp4' is broken", "'b.mp4' is broken"),
        ('File "/x/y/z.py", line 3', 'File "z.py", line 3'),
        ("it cannot be written: No space left (/lib/artefacts/x)", "it cannot be written: No space left (x)"),
        (r"C:\Users\Ann\talk.mp4: no", "talk.mp4: no"),
        (r"\\srv\share\x.wav", "x.wav"),
        ("cannot read /a/b.mp4; cut 1/2 and/or c/d", "cannot read b.mp4; cut 1/2 and/or c/d"),
        ("POST /async/jobs/7/retry, not http://host/x/y", "POST /async/jobs/7/retry, not http://host/x/y"),
        ("", ""),
    ],
)
def test_of_a_path_only_the_files_name_is_left_in_a_sentence(text: str, shown: str):
    assert names_only(text) == shown


def test_every_text_in_a_result_is_shown_so_and_nothing_else_changes():
    result = {"skipped": [{"file": "/a/b.mp4", "reason": "/a/b.mp4 is empty"}], "count": 1, "more": None}
    shown = {"skipped": [{"file": "b.mp4", "reason": "b.mp4 is empty"}], "count": 1, "more": None}
    assert names_only(result) == shown
