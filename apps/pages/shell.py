"""The frame around every page: the bar with the other pages, light and dark, and the page's own heading."""

from collections.abc import Sequence
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from panel.util import edit_readonly

from apps.pages.addresses import INBOX, JOBS, LIBRARY, SYSTEM
from apps.pages.parts import FOLDER, Part, style

NAME = "Episode workbench"
THEME = "workbench_theme"
"""Cookie: "light" or "dark"."""
_ICONS = {
    "library": "M4 5h4v14H4zM10 5h4v14h-4zM16.2 5.6l3.8-1 3 14-3.8 1z",
    "inbox": "M12 3v10m0 0 4-4m-4 4-4-4M4 15v5h16v-5",
    "jobs": "M4 6h16M4 12h10M4 18h13",
    "system": "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3"
    "M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
}
PLACES = {
    "library": ("Library", LIBRARY),
    "inbox": ("Add recordings", INBOX),
    "jobs": ("Jobs", JOBS),
    "system": ("System", SYSTEM),
}
"""Key → what the bar says, and where it leads."""

_INK, _NIGHT = "#191b1e", "#ebe8e2"
_SERIF = "Georgia, 'Times New Roman', serif"
_TEXT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


def _palette(ink: str, soft: str, paper: str, card: str, accent: str, on_accent: str, line: str) -> Any:
    """The colours of one mode, as Material UI names them."""
    return {
        "primary": {"main": accent, "contrastText": on_accent},
        "background": {"default": paper, "paper": card},
        "text": {"primary": ink, "secondary": soft},
        "divider": line,
    }


_FORMS = {
    "typography": {"fontFamily": _TEXT, "h1": {"fontFamily": _SERIF}, "button": {"textTransform": "none"}},
    "shape": {"borderRadius": 8},
}
COLOURS = {
    "light": _FORMS
    | {"palette": _palette(_INK, "#565b63", "#faf9f6", "#ffffff", "#a02c1c", "#ffffff", "#d9d6cf")},
    "dark": _FORMS
    | {"palette": _palette(_NIGHT, "#a9aeb6", "#131518", "#1b1e22", "#ff9e88", "#26100b", "#33373d")},
}
"""The colours and letters of the episode page and the login; each text reaches 4.5:1 on its ground."""


class Appearance(Part):
    """Light or dark, as this browser has chosen or the system has it, and the title of its tab."""

    title = param.String(default=NAME)
    dark = param.Boolean(default=False)
    known = param.Boolean(default=False)
    """Whether the browser has said what it wants."""

    _bundle = FOLDER / "appearance.js"


class Connection(Part):
    """Says when the server is lost, and loads the page anew where it was once there is one again."""

    _bundle = FOLDER / "connection.js"
    _stylesheets = [*Part._stylesheets, style("connection.css")]


class Named(param.Parameterized):
    """What a page is called, where that may change while it is shown."""

    title = param.String()
    lead = param.String()


def page(
    title: str,
    here: str,
    *main: Any,
    lead: str = "",
    actions: Sequence[Any] = (),
    named: Named | None = None,
) -> pmui.Page:
    """A whole page: `title` as its heading, `lead` as a sentence below it; `here` is its key in `PLACES`.

    Both follow `named`, if it is given.
    """
    theme = _chosen_theme()
    look = Appearance(dark=theme == "dark", known=theme is not None, title=f"{title} · {NAME}", margin=0)
    bar = pn.pane.HTML(_bar(here), stylesheets=[_BAR], sizing_mode="stretch_width", margin=0)
    heading = pn.pane.HTML(_heading(title, lead), sizing_mode="stretch_width", min_width=240, margin=0)
    top = pmui.Row(heading, *actions, sizing_mode="stretch_width", sx=_TOP)
    framed = pmui.Page(
        title="",  # the bar has our name and the pages
        site_url=LIBRARY,
        header=[bar],
        main=[
            pmui.Column(top, *main, sizing_mode="stretch_width", sx=_MAIN),
            look,
            Connection(margin=0),
        ],
        main_width=1240,
        theme_config=COLOURS,
        dark_theme=look.dark,
        raw_css=["body { background-color: var(--mui-palette-background-default) !important; }"],
        sx=_FRAME,
    )
    with edit_readonly(framed):
        framed.busy = False  # Panel's sign is one for all: each page would be told what others wait for
    if named:

        def rename(*_: object) -> None:
            heading.object, look.title = _heading(named.title, named.lead), f"{named.title} · {NAME}"

        named.param.watch(rename, ["title", "lead"])
    framed.param.watch(lambda event: look.param.update(dark=event.new), "dark_theme")
    return framed


def _chosen_theme() -> str | None:
    """What this browser chose before: "light", "dark" or nothing."""
    value = pn.state.cookies.get(THEME)
    return value if value in ("light", "dark") else None


def _bar(here: str) -> str:
    links = "".join(
        f'<a href="{address}"{" aria-current=page" if key == here else ""}>'
        f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{_ICONS[key]}"/></svg><span>{label}</span></a>'
        for key, (label, address) in PLACES.items()
    )
    brand = f'<a class="brand" href="{LIBRARY}">{NAME}</a>'
    return f'<div class="bar">{brand}<nav aria-label="Pages">{links}</nav></div>'


def _heading(title: str, lead: str) -> str:
    below = f'<p style="margin:.35rem 0 0;color:var(--mui-palette-text-secondary)">{escape(lead)}</p>'
    style = f"margin:0;font:700 clamp(1.5rem,4vw,2.1rem)/1.2 {_SERIF};overflow-wrap:anywhere"
    return f'<h1 style="{style}">{escape(title)}</h1>{below if lead else ""}'


_BAR = """
:host { display: block; width: 100%; }
.bar { display: flex; align-items: center; gap: 1.5rem; width: 100%; padding-right: .5rem; }
.brand { font: 700 1.15rem Georgia, serif; color: inherit; text-decoration: none; }
nav { display: flex; gap: .25rem; margin-left: auto; }
nav a { display: flex; align-items: center; gap: .45rem; padding: .5rem .8rem; border-radius: 8px;
  color: inherit; text-decoration: none; font-size: .9375rem; }
nav a:hover { background: color-mix(in srgb, currentColor 8%, transparent); }
nav a[aria-current] { color: var(--mui-palette-primary-main);
  background: color-mix(in srgb, var(--mui-palette-primary-main) 10%, transparent); font-weight: 600; }
svg { width: 1.25rem; height: 1.25rem; fill: none; stroke: currentColor; stroke-width: 2;
  stroke-linecap: round; stroke-linejoin: round; flex: none; }
a:focus-visible { outline: 3px solid var(--mui-palette-primary-main); outline-offset: 2px; }
@media (max-width: 720px) {
  .brand { display: none; }
  nav { margin: 0; width: 100%; justify-content: space-between; }
  nav a { flex-direction: column; gap: .1rem; padding: .3rem .4rem; font-size: .75rem; }
}
"""
_FRAME = {
    "& .MuiAppBar-root": {
        "backgroundColor": "background.paper",
        "color": "text.primary",
        "backgroundImage": "none",
        "boxShadow": "none",
        "borderBottom": "1px solid",
        "borderColor": "divider",
    },
    "& .MuiAppBar-root > .MuiLinearProgress-root": {"display": "none"},  # the sign that is never to be on
    "& main": {"backgroundColor": "background.default"},
}
_MAIN = {"padding": {"xs": "16px", "sm": "28px"}, "gap": "20px"}
_TOP = {"alignItems": "flex-end", "flexWrap": "wrap", "gap": "12px"}
