"""The forms in which a language model is asked to answer; small, so that a small model can fill them.

Sentences are named by the numbers under which they were shown, so that an answer is its own evidence.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

type Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=600)]
type Heading = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=120)]
type Score = Annotated[float, Field(ge=0, le=10)]


class Point(BaseModel):
    text: Line
    sentence: int


class ChapterStart(BaseModel):
    sentence: int
    title: Heading


class Outline(BaseModel):
    """What a part of the transcript is about."""

    points: list[Point]
    chapters: list[ChapterStart]


class NamedOne(BaseModel):
    name: Heading
    kind: Literal["person", "organisation"]


class QuotedText(BaseModel):
    text: Line
    sentence: int


class Said(BaseModel):
    """Who is named in a part of the transcript, and what is worth quoting."""

    names: list[NamedOne]
    quotes: list[QuotedText]


class Passage(BaseModel):
    first: int
    last: int
    title: Heading
    reason: Line
    hook: Score
    payoff: Score
    stands_alone: Score


class Passages(BaseModel):
    """What is worth a clip in a part of the transcript."""

    highlights: list[Passage]


class Told(BaseModel):
    text: Line
    sentences: list[int]


class Overview(BaseModel):
    """The texts about the whole recording."""

    title: Heading
    summary: list[Told]
    keywords: list[Heading]
    show_notes: list[Line]
