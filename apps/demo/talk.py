"""What is said in the demo recording: an interview on three subjects, written for this project."""

from dataclasses import dataclass
from typing import Literal

type Role = Literal["host", "guest"]

NAMES: dict[Role, tuple[str, str]] = {
    "host": ("Clara Benson", "Host, Long Lines"),
    "guest": ("Daniel Reed", "Cable engineer, Harbour Institute"),
}
TOPICS = ("1858: a wire across the ocean", "1866: the Great Eastern", "Today: glass on the sea bed")


@dataclass(frozen=True)
class Line:
    """What one person says without a break; `topic` is an index into `TOPICS`."""

    role: Role
    topic: int
    text: str


LINES = (
    Line(
        "host",
        0,
        "Welcome to Long Lines. I am Clara Benson, and today we talk about the telegraph cables at the "
        "bottom of the Atlantic Ocean. With me is Daniel Reed, an engineer at the Harbour Institute. "
        "Daniel, how did it all begin?",
    ),
    Line(
        "guest",
        0,
        "It began with a rich man who knew nothing about electricity. Cyrus Field was a paper merchant in "
        "New York. He retired at 33, and then he decided to tie two continents together with a wire.",
    ),
    Line("host", 0, "And in 1858, it worked."),
    Line(
        "guest",
        0,
        "It worked for three weeks. Queen Victoria sent President Buchanan a message of 98 words, "
        "and it took 16 hours to arrive.",
    ),
    Line("host", 0, "So what went wrong?"),
    Line(
        "guest",
        0,
        "Confidence went wrong. The chief electrician believed that a weak signal needs more force. So he "
        "pushed 2000 volts into the cable, and he burned the insulation. The most expensive wire in "
        "the world was killed by a man who would not measure first.",
    ),
    Line("host", 1, "Let us turn to the second attempt. Why did it take eight more years?"),
    Line(
        "guest",
        1,
        "Because this time, somebody did the measuring. A professor from Glasgow, William Thomson, had shown "
        "that a thicker copper core carries a clearer signal. The new cable weighed 7000 tons, and "
        "only one ship on earth could carry it. That ship was the Great Eastern.",
    ),
    Line("host", 1, "And then the Great Eastern lost the cable."),
    Line(
        "guest",
        1,
        "Yes, it snapped, and sank in water two miles deep. A year later, in 1866, the same "
        "ship laid a new cable. Then she went back, dropped a hook on a rope, and fished the old one out of "
        "the dark. Imagine finding a garden hose at night, from the top of a mountain, with a fishing line.",
    ),
    Line(
        "host",
        2,
        "So what about today? Most people think that the internet travels through satellites.",
    ),
    Line(
        "guest",
        2,
        "That is the biggest mistake people make about the internet. More than 95% of the "
        "traffic between continents runs through glass fibers at the bottom of the sea. There are about 500 "
        "of these cables, and most of them are no thicker than a garden hose.",
    ),
    Line("host", 2, "And what breaks them? Is it sharks?"),
    Line(
        "guest",
        2,
        "Everybody hopes for sharks. The truth is anchors and fishing nets. There are close to 200 "
        "breaks every year, and you never notice, because the traffic simply takes another road.",
    ),
    Line("host", 2, "And who repairs them?"),
    Line(
        "guest",
        2,
        "A ship sails out, drops a hook, and drags it across the sea floor. We send a film across the ocean "
        "in one second, and we still mend the line the way sailors did in 1866.",
    ),
    Line("host", 2, "If our listeners remember one thing, what should it be?"),
    Line(
        "guest",
        2,
        "Always measure before you push. Every great failure in this story came from a person who was sure, "
        "and every great success came from a person who checked.",
    ),
    Line("host", 2, "Daniel Reed, thank you. And thank you for listening to Long Lines."),
)

TITLE, SHOW = "The Cables Under the Atlantic", "Long Lines"
METADATA = {
    "title": TITLE,
    "show": SHOW,
    "guests": ["Daniel Reed"],
    "vocabulary": ["Clara Benson", "Harbour Institute", "Cyrus Field", "William Thomson", "Great Eastern"],
}
