"""Plays a file of the library in a notebook, without a network.

A file below the notebook's folder is played from where it lies: JupyterLab serves it in pieces, so that an
episode of gigabytes starts at once and can be wound. Any other file is put into the notebook, which is
right for a clip of some megabytes; one that is too large for that is only named. What a link leads to is put
in as well if it is small: only the JupyterLab of `make notebooks` serves what lies outside its folder.
"""

import base64
import mimetypes
import os
from html import escape
from pathlib import Path
from urllib.parse import quote

from IPython.display import HTML

from pipeline.model import Seconds

MOST = 20_000_000
"""Bytes of a file that is put into the notebook: it is kept there a third larger, with every save."""


def play(file: Path | str, start: Seconds = 0.0, *, poster: Path | None = None, width: int = 640) -> HTML:
    """A player for a video or a sound, at `start`; `file` is a path or a server's address.

    The picture `poster` is shown until it plays; `width` is in pixels.
    """
    address = _address(str(file))
    if address is None:
        return HTML(f"<p>{escape(str(file))} cannot be played here: {_too_large(Path(file))}</p>")
    kind = "audio" if _type(str(file)).startswith("audio/") else "video"
    tags = [f'style="width:{width}px;max-width:100%;background:#000"', f'src="{escape(address)}"']
    if poster:
        tags.append(f'poster="{_embedded(poster)}"')
    if start:
        tags.append(f'onloadedmetadata="this.currentTime={start:.2f}"')
    return HTML(f'<{kind} controls preload="metadata" {" ".join(tags)}></{kind}>')


def _address(file: str) -> str | None:
    """Where a browser gets the file; none when it cannot."""
    if file.startswith(("http://", "https://")):
        return file
    place = Path(os.path.abspath(file))  # noqa: PTH100 - a link on the shelf stays where it is
    is_served, is_small = _is_below(place, Path.cwd()), place.stat().st_size <= MOST
    is_link = is_served and not place.resolve().is_relative_to(Path.cwd().resolve())
    if is_small and (is_link or not is_served):
        return _embedded(place)
    return quote(place.relative_to(Path.cwd()).as_posix()) if is_served else None


def _is_below(place: Path, here: Path) -> bool:
    """Whether JupyterLab may serve it: what lies in a folder with a dot is hidden."""
    return place.is_relative_to(here) and not any(
        part.startswith(".") for part in place.relative_to(here).parts
    )


def _embedded(file: Path) -> str:
    return f"data:{_type(str(file))};base64,{base64.b64encode(file.read_bytes()).decode()}"


def _type(file: str) -> str:
    return mimetypes.guess_type(file)[0] or "video/mp4"


def _too_large(file: Path) -> str:
    size = file.stat().st_size / 1e6
    return (
        f"it has {size:.0f} MB, and does not lie below this notebook's folder, from where JupyterLab could "
        f"play it: keep the library there, or open the file itself"
    )
