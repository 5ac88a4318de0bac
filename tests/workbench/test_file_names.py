import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.file_names import safe_name, slug_of


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("talk.mp4", "talk.mp4"),
        ("../../evil.mp4", "evil.mp4"),
        (r"C:\Users\me\Desktop\talk.mp4", "talk.mp4"),
        ("a\u0000b", "ab"),
        ("line\r\nbreak.mp4", "linebreak.mp4"),
        (".hidden", "hidden"),
        ("", "upload"),
        ('"quoted" it\'s.mp4', "_quoted_ it's.mp4"),
        ("nul.mp4", "_nul.mp4"),
        ("talk.mp4. ", "talk.mp4"),
        ("\u202egpj.mp4", "gpj.mp4"),
        ("Gro\u0308ße 😀.mp4", "Größe 😀.mp4"),
        ("x" * 300 + ".mp4", "x" * 196 + ".mp4"),
        ("ü" * 300 + ".mp4", "ü" * 98 + ".mp4"),
        ("talk." + "y" * 300, "talk." + "y" * 195),
    ],
)
def test_a_name_keeps_its_words_and_loses_what_could_do_harm(given_name: str, name: str):
    assert safe_name(given_name) == name


@given(st.text(max_size=400) | st.text(alphabet=" ._~ax/\\:é\u0308\u200d\u202e", max_size=400))
def test_whatever_a_client_calls_it_the_name_is_one_that_a_folder_can_have(name: str):
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= 200
    assert Path(safe).name == safe
    assert not safe.startswith((".", "~", " "))
    assert not safe.endswith((" ", "."))
    assert unicodedata.is_normalized("NFC", safe)
    assert not set(safe) & set('/\\<>:"|?*\x00\n\r\x7f')


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Talk: Part 2!", "talk-part-2"), ("Entrevista a Mònica", "entrevista-a-monica"), ("会話", "episode")],
)
def test_a_slug_is_readable_ascii(name: str, slug: str):
    assert slug_of(name) == slug
