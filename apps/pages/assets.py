"""The scripts and styles around every page: which they are, and how long browsers keep them.

They are most of what a page costs, 4 MB that a browser has to fetch, read and compile. Panel names them anew
for every visit, which takes the server half a second, and lets browsers keep none of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from typing import Any

import bokeh
import panel as pn
import panel_material_ui as pmui
from bokeh.embed.bundle import URL
from panel.io import server
from panel.io.resources import Bundle, Resources, bundle_resources
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from apps.pages.addresses import ASSETS

_VERSION = f"{bokeh.__version__}-{pn.__version__}"
_VERSIONED, _OTHER = 365 * 24 * 3600, 3600
"""Seconds. What has its version in its address never changes; the rest are styles and letters."""
_UNUSED = ("bokeh-gl", "bokeh-mathjax", "notyf", "font-awesome")
"""Nothing is drawn by the graphics card, a transcript's dollar signs are no formulas, and messages are the
theme's."""
THEME: str = pmui.Button._render_esm(True, server=True).removeprefix(".")
"""The address of the theme's module."""
_NATIVE = """
{
  const shim = self.importShim
  const native = (url, ...more) => (/^https?:/.test(url) ? import(url) : shim(url, ...more))
  self.importShim = Object.assign(native, shim)
}
"""
"""The theme and our parts need nothing of what es-module-shims does to modules: it takes 0.2 s for that, and
the browser could not keep what it has compiled."""
_SOON: ContextVar[list[str]] = ContextVar("what the page that is being made will ask for")
_KNOWN: dict[tuple[str, str, str | None], Bundle] = {}


def install() -> None:
    """Have Panel take the scripts and styles of all pages from here."""
    server.bundle_resources = _bundle


def _bundle(roots: Sequence[Any], resources: Resources, **options: Any) -> Bundle:
    """As Panel's own, but the same for all pages that are as deep, whatever is on them."""
    place = (resources.mode, resources.root_url, pn.state.rel_path)
    if place not in _KNOWN:
        _KNOWN[place] = _made(resources)
    return deepcopy(_KNOWN[place])  # Panel adds to it: what is meant for one page must not come to all


def _made(resources: Resources) -> Bundle:
    made = bundle_resources([], resources, enable_mathjax=False)
    made.js_files = [_versioned(each) for each in made.js_files if _is_used(each)]
    made.css_files = [each for each in made.css_files if _is_used(each)]
    made.js_raw.append(_NATIVE)
    return made


def _is_used(address: URL) -> bool:
    return not any(name in str(address) for name in _UNUSED)


def _versioned(address: URL) -> URL:
    return address if "?" in str(address) else URL(f"{address}?v={_VERSION}")


def soon(address: str) -> None:
    """Have the browser fetch what the page that is being made will ask for, while it still brings that up."""
    _SOON.get([]).append(address)


@contextmanager
def fetched_ahead() -> Iterator[list[str]]:
    """While a page is made: the addresses of what it will ask for, by and by."""
    addresses: list[str] = []
    token = _SOON.set(addresses)
    try:
        yield addresses
    finally:
        _SOON.reset(token)


def is_asset(path: str) -> bool:
    """Whether a path leads to a script, a style or a letter."""
    return path.startswith(ASSETS)


def kept(query: bytes, send: Send) -> Send:
    """To `send` an asset that the browser is to keep; `query` is what its address ends with."""
    seconds = _VERSIONED if query else _OTHER

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            headers = MutableHeaders(scope=message)
            headers["Cache-Control"] = f"private, max-age={seconds}" + ", immutable" * bool(query)
        await send(message)

    return told
