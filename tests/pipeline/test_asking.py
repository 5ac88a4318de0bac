"""One part is asked for, put right once, and what happened is noted."""

from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from pipeline.asking import Asker, prompt
from pipeline.llm import BROKE_OFF, BadAnswer


class Colour(BaseModel):
    name: str


class Scripted:
    """A model that says what it was told to say, in order; a text is an answer in no usable form."""

    model = "scripted"

    def __init__(self, *script: Colour | str | BadAnswer) -> None:
        self._script = list(script)
        self.asked: list[str] = []

    def answer[T: BaseModel](self, schema: type[T], system: str, user: str) -> T:
        self.asked.append(user)
        said = self._script.pop(0)
        if isinstance(said, BadAnswer):
            raise said
        if isinstance(said, str):
            raise BadAnswer(said, "answer: Invalid JSON")
        return schema.model_validate(said.model_dump())


def only_red(answer: Colour) -> Sequence[str]:
    return [] if answer.name == "red" else [f"{answer.name} is not red"]


def ask(*script: Colour | str | BadAnswer) -> tuple[Colour | None, Asker, Scripted]:
    llm = Scripted(*script)
    asker = Asker(llm)
    return asker.ask(Colour, "colour", "Name one.", "Which?", only_red), asker, llm


RED, BLUE, GREEN = Colour(name="red"), Colour(name="blue"), Colour(name="green")


def test_a_good_answer_is_taken_at_once() -> None:
    answer, asker, llm = ask(RED)
    assert answer == RED
    assert asker.repairs == []
    assert llm.asked == ["Which?"]


def test_a_fault_is_named_and_put_right() -> None:
    answer, asker, llm = ask(BLUE, RED)
    assert answer == RED
    assert [(one.part, one.action, one.reason) for one in asker.repairs] == [
        ("colour", "repaired", "blue is not red")
    ]
    assert "- blue is not red" in llm.asked[1]
    assert llm.asked[1].startswith("Which?")


def test_a_broken_form_is_shown_back() -> None:
    answer, asker, llm = ask("reddish, I think", RED)
    assert answer == RED
    assert "It began: reddish, I think" in llm.asked[1]
    assert asker.repairs[0].reason == "answer: Invalid JSON"


def test_what_stays_faulty_is_left_to_the_caller() -> None:
    answer, asker, _ = ask(BLUE, GREEN)
    assert answer == GREEN
    assert asker.repairs == []


def test_an_answer_with_a_fault_is_better_than_none() -> None:
    answer, _, _ = ask(BLUE, "no")
    assert answer == BLUE


def test_two_broken_answers_are_none_and_there_is_no_third_try() -> None:
    answer, asker, llm = ask("no", "still no")
    assert answer is None
    assert asker.repairs == []
    assert len(llm.asked) == 2


def test_what_was_complete_when_it_broke_off_twice_is_used_and_noted() -> None:
    cut = BadAnswer('{"name": "red", "mo', BROKE_OFF, RED)
    answer, asker, _ = ask(cut, cut)
    assert answer == RED
    assert [(one.part, one.action) for one in asker.repairs] == [("colour", "dropped")]


def test_a_long_reason_is_shortened_in_the_artefact() -> None:
    asker = Asker(Scripted())
    asker.note("title", "dropped", "x" * 1000)
    assert len(asker.repairs[0].reason) == 201


def test_a_fault_that_is_repeated_is_recorded_once() -> None:
    asker = Asker(Scripted())
    for _ in range(3):
        asker.note("names", "dropped", "name “x”: it is not in the transcript")
    assert len(asker.repairs) == 1


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("outline", {"least": 1, "most": 4}),
        ("said", {}),
        ("highlights", {"most": 3, "shortest": 15, "longest": 60}),
        ("overview", {}),
        ("repair", {"problems": "- a", "answer": "b"}),
    ],
)
def test_every_prompt_can_be_filled_in(name: str, values: dict[str, object]) -> None:
    text = prompt(name, **values)
    assert "{" not in text
    assert all(str(value) in text for value in values.values())
