from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.edits import CorrectEverywhere, CorrectWords
from pipeline.model import WordSpan
from workbench.errors import NotAllowed
from workbench.reviewed import Review, State
from workbench.store import Store


def words(first: int, text: str) -> CorrectWords:
    return CorrectWords(words=WordSpan(first=first, end=first + 1), text=text)


def texts(review: Review) -> list[str]:
    return [each.edit.text for each in review.based if isinstance(each.edit, CorrectWords)]


def test_an_episode_that_nobody_has_touched_is_proposed(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb")
    assert store.reviews.review("talk") == Review()
    assert store.reviews.standing("talk").state is State.PROPOSED
    store.close()


def test_edits_are_kept_in_order_and_found_again_after_a_restart(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb")
    for number, text in enumerate(["a", "b", "c"]):
        made = store.reviews.put("talk", f"e{number}", words(number, text), "base", "Ada")
    assert texts(made) == ["a", "b", "c"]
    assert (made.state, made.by, made.revision) == (State.IN_REVIEW, "Ada", 3)
    store.close()
    again = Store(tmp_path / "a.duckdb")
    assert again.reviews.review("talk").edits == made.edits
    assert again.reviews.standing("talk").revision == 3
    again.close()


def test_the_same_id_is_the_same_edit_as_it_is_now(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb")
    for text in ["T", "Ti", "Title"]:
        made = store.reviews.put("talk", "typing", words(0, text), "base", "Ada")
    assert texts(made) == ["Title"]
    with pytest.raises(NotAllowed, match="Ada's"):
        store.reviews.put("talk", "typing", words(0, "x"), "base", "Bo")
    store.close()


def test_who_types_on_writes_over_what_another_wrote_meanwhile_and_what_is_sent_again_does_not(
    tmp_path: Path,
):
    store = Store(tmp_path / "a.duckdb")
    reviews = store.reviews
    reviews.put("talk", "ada's", words(0, "Ti"), "base", "Ada")
    reviews.put("talk", "bo's", words(0, "Another"), "base", "Bo")
    assert texts(reviews.put("talk", "ada's", words(0, "Ti"), "base", "Ada")) == ["Ti", "Another"]
    assert texts(reviews.put("talk", "ada's", words(0, "Title"), "base", "Ada")) == ["Another", "Title"]
    assert texts(reviews.undo("talk", "Ada")) == ["Another"]
    store.close()


def test_undo_and_redo_are_each_persons_own(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb")
    reviews = store.reviews
    reviews.put("talk", "1", words(0, "ada's first"), "base", "Ada")
    reviews.put("talk", "2", words(1, "bo's"), "base", "Bo")
    reviews.put("talk", "3", words(2, "ada's second"), "base", "Ada")
    assert texts(reviews.undo("talk", "Ada")) == ["ada's first", "bo's"]
    assert texts(reviews.undo("talk", "Ada")) == ["bo's"]
    with pytest.raises(NotAllowed, match="nothing of yours to undo"):
        reviews.undo("talk", "Ada")
    assert texts(reviews.redo("talk", "Ada")) == ["ada's first", "bo's"]
    assert not reviews.review("talk").can_redo("Bo")
    assert reviews.review("talk").can_redo("Ada")
    store.close()


def test_who_does_something_else_cannot_redo_any_more(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb")
    reviews = store.reviews
    reviews.put("talk", "1", words(0, "a"), "base", "Ada")
    reviews.undo("talk", "Ada")
    reviews.put("talk", "2", words(0, "b"), "base", "Ada")
    with pytest.raises(NotAllowed, match="nothing of yours to redo"):
        reviews.redo("talk", "Ada")
    assert texts(reviews.review("talk")) == ["b"]
    store.close()


def test_what_is_approved_is_in_review_again_once_somebody_changes_it(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb")
    assert store.reviews.move("talk", State.PUBLISHED, "Ada").state is State.PUBLISHED
    changed = store.reviews.put("talk", "1", CorrectEverywhere(old="a", new="b"), "", "Bo")
    assert (changed.state, changed.by) == (State.IN_REVIEW, "Bo")
    store.close()


def test_whoever_listens_hears_of_each_change_until_they_stop(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb")
    heard: list[int] = []
    stop = store.reviews.listen(lambda: heard.append(store.reviews.standing("talk").revision))
    store.reviews.put("talk", "1", words(0, "a"), "base", "Ada")
    store.reviews.undo("talk", "Ada")
    stop()
    store.reviews.redo("talk", "Ada")
    assert heard == [1, 2]
    store.close()


def test_a_listener_that_fails_is_no_fault_of_the_edit(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb")
    store.reviews.listen(lambda: 1 / 0)
    assert texts(store.reviews.put("talk", "1", words(0, "a"), "base", "Ada")) == ["a"]
    store.close()


def test_two_who_change_at_once_lose_nothing_and_memory_is_as_the_file(tmp_path: Path):
    store = Store(tmp_path / "a.duckdb")

    def work(who: str) -> None:
        for number in range(25):
            store.reviews.put("talk", f"{who}-{number}", words(number, who), "base", who)
            store.reviews.move("talk", State.APPROVED, who)
            if number % 5 == 0:
                store.reviews.undo("talk", who)
                store.reviews.redo("talk", who)

    with ThreadPoolExecutor(2) as people:
        list(people.map(work, ["Ada", "Bo"]))
    made = store.reviews.review("talk")
    assert made.revision == 2 * (25 + 25 + 10)
    assert [each.edit_id for each in made.edits if each.by == "Ada"] == [f"Ada-{n}" for n in range(25)]
    assert len(texts(made)) == 50
    store.close()
    again = Store(tmp_path / "a.duckdb")
    assert again.reviews.review("talk") == made
    again.close()
