"""Waveforms along a time axis, in colours that can be read on light and on dark ground."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, Range1d
from bokeh.plotting import figure
from numpy.typing import NDArray

from pipeline.model import Seconds

GREY = "#8a8f98"
"""Can be read on white and on black."""
ABOVE = 1.35
"""How high a plot reaches; the waveform lies between -1 and 1."""
_POINTS = 1500  # of a waveform that is drawn: more than a screen has
_CLOCK = """
const whole = Math.floor(tick), seconds = String(whole % 60).padStart(2, "0");
const minutes = Math.floor(whole / 60) % 60, hours = Math.floor(whole / 3600);
return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
"""


class Waveform:
    """How loud a recording is from moment to moment; silent for an episode of an older version."""

    def __init__(self, file: Path) -> None:
        self._peaks: NDArray[np.float64] = np.zeros(0)
        self._per_second = 1.0
        if file.is_file():
            found = json.loads(file.read_bytes())
            self._peaks = np.asarray(found["peaks"], dtype=np.float64) / 100
            self._per_second = float(found["per_second"])

    def between(self, left: Seconds, right: Seconds) -> dict[str, NDArray[np.float64]]:
        """Times `x` and the loudest peaks `up` and `down` there, few enough to be drawn."""
        first = int(left * self._per_second)
        part = self._peaks[first : int(right * self._per_second) + 1]
        each = max(1, -(-len(part) // _POINTS))
        padded = np.pad(part, (0, -len(part) % each))
        loudest = padded.reshape(-1, each).max(axis=1) if len(padded) else padded
        middle = (np.arange(len(loudest), dtype=np.float64) + 0.5) * each
        return {"x": (first + middle) / self._per_second, "up": loudest, "down": -loudest}


def plot(left: Seconds, right: Seconds, height: int, waves: ColumnDataSource) -> Any:
    """A figure with a time axis and, in the middle, the waveform in `waves`."""
    made = figure(
        x_range=Range1d(start=left, end=right),
        y_range=Range1d(start=-1.05, end=ABOVE),
        height=height,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        background_fill_alpha=0,
        border_fill_alpha=0,
        outline_line_color=None,
        min_border=0,
    )
    made.yaxis.visible = made.grid.visible = False
    axis = made.xaxis[0]
    axis.formatter = CustomJSTickFormatter(code=_CLOCK)
    axis.update(axis_line_color=GREY, major_tick_line_color=GREY, major_label_text_color=GREY)
    axis.minor_tick_line_color = None
    made.varea(x="x", y1="down", y2="up", fill_color=GREY, fill_alpha=0.55, source=waves)
    return made
