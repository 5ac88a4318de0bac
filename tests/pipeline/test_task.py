import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Span, StageName
from pipeline.task import Ref, Task, key_of

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def _task(**changes: object) -> Task:
    facts = {"stage": StageName.CLIPPED, "step": "clip", "name": "clip 1", "inputs": {}, "options": {}}
    sizes = {"outputs": {"9x16-clean": "a"}, "media_seconds": 1.0, "share": 1.0}
    return Task.model_validate(facts | sizes | changes)


@given(plain)
def test_a_key_is_sixteen_digits_and_always_the_same(value: object):
    assert key_of(value) == key_of(value)
    assert len(key_of(value)) == 16


def test_a_key_changes_with_anything_that_goes_into_it():
    base = key_of("clip", 1, Span(start=0, end=2), {"crf": 21})
    assert base != key_of("clip", 2, Span(start=0, end=2), {"crf": 21})
    assert base != key_of("clip", 1, Span(start=0, end=3), {"crf": 21})
    assert base != key_of("clip", 1, Span(start=0, end=2), {"crf": 22})


def test_the_order_of_options_does_not_matter():
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})


def test_an_artefact_counts_by_what_it_is_and_not_where_it_lies():
    assert key_of(Ref(path="/here", key="k")) == key_of(Ref(path="/there", key="k"))
    assert key_of(Ref(path="/here", key="k")) != key_of(Ref(path="/here", key="other"))


def test_something_without_a_plain_form_cannot_be_part_of_a_key():
    with pytest.raises(TypeError, match="object cannot be part"):
        key_of(object())


def test_a_task_is_known_by_its_results_whatever_it_is_called_or_allowed():
    assert _task().key == _task(name="another name", threads=8, api_key="secret").key
    assert _task().key != _task(outputs={"9x16-clean": "b"}).key


def test_the_key_of_the_language_model_is_not_shown():
    assert "very-secret" not in repr(_task(api_key="very-secret"))
