"""What a browser does by itself: each part is a script and a style beside this file.

A part shows its parameters and sends what a person does back, as parameters or as messages. Scripts use the
browser's own elements, so that keyboards and screen readers find what they know.
"""

from pathlib import Path

from panel.custom import JSComponent

FOLDER = Path(__file__).parent


def said(message: object, name: str) -> str:
    """A text of a message from the browser; empty when there is none, since anybody can send anything."""
    value = message.get(name) if isinstance(message, dict) else None
    return value if isinstance(value, str) else ""


class Part(JSComponent):
    """A component of ours, in the colours of the page around it."""

    __abstract = True

    _stylesheets = [FOLDER / "part.css"]
