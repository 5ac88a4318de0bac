"""What a browser does by itself: each part is a script and a style beside this file.

A part shows its parameters and sends what a person does back, as parameters or as messages. Scripts use the
browser's own elements, so that keyboards and screen readers find what they know. They import nothing, so each
is a bundle by itself, which a browser takes as it is.
"""

from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

from panel.custom import JSComponent

FOLDER = Path(__file__).parent


def said(message: object, name: str) -> str:
    """A text of a message from the browser; empty when there is none, since anybody can send anything."""
    value = message.get(name) if isinstance(message, dict) else None
    return value if isinstance(value, str) else ""


def style(name: str) -> str:
    """What a style beside this file says: with the part itself, so that no part waits for its own."""
    return (FOLDER / name).read_text(encoding="utf-8")


class Part(JSComponent):
    """A component of ours, in the colours of the page around it."""

    __abstract = True

    _bundle_css = ()  # its styles come with itself, and not once more from beside its script
    _stylesheets = [style("part.css")]

    @classmethod
    def _render_esm(cls, compiled: Any = True, server: bool = False) -> str:
        """Where its script is, with a version, so that browsers keep it until there is another one."""
        address: str = super()._render_esm(compiled, server)
        return f"{address}?{_version(cls._bundle)}" if server else address


@cache
def _version(script: Path) -> str:
    return f"{crc32(script.read_bytes()):08x}"
