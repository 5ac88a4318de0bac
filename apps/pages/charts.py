"""Charts of the work, drawn with HoloViews: boxes along an axis, which tell more when they are pointed at.

Boxes have colours that can be told from a light and from a dark ground, midway between those of both modes;
letters and lines take the colour of the page. HoloViews takes a second to load: the first chart loads it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import panel as pn
from bokeh.models import AdaptiveTicker, CustomJSTickFormatter, HoverTool

from apps.pages.shell import COLOURS
from pipeline.model import Seconds

_LANE = 34  # pixels
_AXIS = 46
_CLOCK = """
const whole = Math.round(tick), hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
const two = (part) => String(part).padStart(2, "0");
return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
"""
_HOURS = """
const at = new Date(Date.now() + tick * 3600000);
return `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
"""
_LETTERS = """
:host {
  --bk-major-label-text-color: var(--mui-palette-text-primary);
  --bk-axis-label-text-color: var(--mui-palette-text-secondary);
  --bk-axis-line-color: var(--mui-palette-divider); --bk-major-tick-line-color: var(--mui-palette-divider);
  --bk-grid-line-color: var(--mui-palette-divider);
}
"""


def midway(light: str, dark: str) -> str:
    """The colour between two, as "#rrggbb"."""
    pairs = zip(bytes.fromhex(light[1:]), bytes.fromhex(dark[1:]), strict=True)
    return "#" + bytes(sum(pair) // 2 for pair in pairs).hex()


def _both(group: str, name: str) -> str:
    palettes: list[Any] = [COLOURS[mode]["palette"] for mode in ("light", "dark")]
    light, dark = (palette[group][name] for palette in palettes)
    return midway(light, dark)


DONE = _both("primary", "main")
"""The accent, for what is done or being done."""
QUIET = _both("text", "secondary")
"""For what waits."""
FAILED = "#b8860b"
"""For what failed: apart from the accent in brightness, and not by redness alone."""


@dataclass(frozen=True)
class Box:
    """A stretch of a chart, `bottom` to `top` in lanes or counts."""

    left: float
    right: float
    bottom: float
    top: float
    colour: str
    title: str
    more: str
    alpha: float = 1.0


def timeline(boxes: Sequence[Box], lanes: Sequence[str], end: Seconds) -> Any:
    """Boxes along the seconds since a start, in lanes from the bottom to the top."""
    figure = _drawn(boxes, (0.0, max(end, 1.0)), (0.0, float(len(lanes))), _AXIS + _LANE * len(lanes))
    _name_lanes(figure, lanes)
    figure.xaxis.formatter = CustomJSTickFormatter(code=_CLOCK)
    figure.xaxis.ticker = AdaptiveTicker(mantissas=[1, 2, 3, 5, 6], min_interval=1, desired_num_ticks=5)
    return figure


def stretch(figure: Any, right: Seconds) -> None:
    """The last box of a timeline has come to `right` in the meantime."""
    (drawn,) = figure.renderers
    edge = drawn.glyph.right
    source, column = drawn.data_source, edge if isinstance(edge, str) else edge.field
    source.patch({column: [(len(source.data[column]) - 1, right)]})
    figure.x_range.end = max(figure.x_range.end, right)


def lanes(boxes: Sequence[Box], names: Sequence[str]) -> Any:
    """Counts as boxes from the left, a lane for each name."""
    most = max((box.right for box in boxes), default=1.0)
    figure = _drawn(boxes, (0.0, most * 1.02), (0.0, float(len(names))), _AXIS + _LANE * len(names))
    _name_lanes(figure, names)
    figure.xaxis.ticker = _whole_numbers()
    return figure


def hours(boxes: Sequence[Box], most: int) -> Any:
    """Counts as boxes upwards, by the hour: from 24 hours ago, -24, until now, 0."""
    figure = _drawn(boxes, (-24.0, 0.0), (0.0, max(most, 1) * 1.08), 180)
    figure.xaxis.formatter = CustomJSTickFormatter(code=_HOURS)
    figure.xaxis.ticker = [-24, -18, -12, -6, 0]
    figure.yaxis.ticker = _whole_numbers()
    return figure


def pane(figure: Any) -> Any:
    """What shows a chart on a page, as wide as there is room."""
    return pn.pane.Bokeh(
        figure,
        sizing_mode="stretch_width",
        height=figure.height,
        min_width=240,
        margin=0,
        stylesheets=[_LETTERS],
    )


def _drawn(
    boxes: Sequence[Box], across: tuple[float, float], upwards: tuple[float, float], height: int
) -> Any:
    import holoviews as hv
    import holoviews.plotting.bokeh  # without which it knows of no Bokeh

    rows = [
        (box.left, box.bottom, box.right, box.top, box.colour, box.alpha, box.title, box.more)
        for box in boxes
    ]
    hover = HoverTool(tooltips='<div style="max-width:18rem"><b>@title</b><br>@more</div>')
    plot = hv.Rectangles(rows, ["left", "bottom", "right", "top"], ["colour", "alpha", "title", "more"])
    looks = plot.opts(
        backend="bokeh",
        color="colour",
        alpha="alpha",
        line_color=None,
        xlim=across,
        ylim=upwards,
        height=height,
        xlabel="",
        ylabel="",
        toolbar=None,
        default_tools=[],
        tools=[hover],
        show_legend=False,
    )
    figure: Any = hv.render(looks, backend="bokeh")
    _dress(figure)
    return figure


def _dress(figure: Any) -> None:
    figure.update(sizing_mode="stretch_width", background_fill_alpha=0, border_fill_alpha=0, min_border=4)
    figure.min_border_right = 20  # for half a label
    figure.output_backend = "canvas"  # HoloViews prefers WebGL, of which consoles complain
    figure.outline_line_color = None
    figure.toolbar.active_drag = None
    for axis in figure.axis:
        axis.update(minor_tick_line_color=None, major_label_text_font_size="13px")
    figure.xgrid.grid_line_alpha = 0.6
    figure.ygrid.visible = False


def _name_lanes(figure: Any, names: Sequence[str]) -> None:
    places = [at + 0.5 for at in range(len(names))]
    figure.yaxis.ticker = places
    figure.yaxis.major_label_overrides = dict(zip(places, names, strict=True))
    figure.yaxis.update(axis_line_color=None, major_tick_line_color=None)


def _whole_numbers() -> AdaptiveTicker:
    return AdaptiveTicker(min_interval=1, desired_num_ticks=4)
