"""The demo: one recording through all five stages, and a signpost at the end."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apps import batch, facts, terminal
from apps.watch import Signals, share_view
from pipeline.errors import Cancelled
from workbench.jobs import Status

if TYPE_CHECKING:
    from workbench.door import Bench

LIBRARY = ".demo"
"""The demo's library when none is named, in the current folder."""
_NAME = "cables-under-the-sea.mp4"


def recording(library: Path | str, signals: Signals | None = None) -> Path:
    """The demo recording in `library`, made when it is not there.

    Raises ModelMissing when the extra `demo` is not installed, SystemExit when `signals` interrupt it.
    """
    signals, place = signals or Signals(), Path(library) / _NAME
    if place.exists():
        return place
    from apps import demo

    with share_view("making the demo recording") as tell:

        def report(share: float) -> None:
            if signals.cancel or signals.leave:
                raise Cancelled
            tell(share)

        try:
            return demo.make(place, report=report)
        except Cancelled:
            raise SystemExit(terminal.CANCELLED if signals.cancel else terminal.TERMINATED) from None


def take(bench: "Bench", recording: Path, signals: Signals, how: Mapping[str, Any]) -> batch.Outcome:
    """Process `recording`; `how` is passed to `Workbench.process`."""
    return batch.process(bench, [str(recording)], signals, how)[0]


def show(bench: "Bench", outcome: batch.Outcome, library: Path, *, as_json: bool) -> None:
    """Where the results are, and what to try next."""
    if as_json:
        places = _places(bench, outcome) if outcome.episode_id else {}
        terminal.show_json({**outcome.model_dump(mode="json"), **places})
    elif outcome.status is not Status.COMPLETED or outcome.episode_id is None:
        facts.show_outcomes(bench, [outcome])
    else:
        shelf = bench.shelf(outcome.episode_id)
        terminal.show("\nThe results:")
        terminal.show_facts(facts.results(shelf))
        _signpost(outcome.episode_id, library)


def _places(bench: "Bench", outcome: batch.Outcome) -> dict[str, object]:
    episode_id = str(outcome.episode_id)
    return {"shelf": bench.shelf(episode_id), "files": bench.files(episode_id)}


def _signpost(episode_id: str, library: Path) -> None:
    tries = (
        ("all facts of the episode", f"show {episode_id}"),
        ("its clips in one more shape", f"clips {episode_id} --ratio 4x5"),
        ("a recording of your own", "process my-video.mp4"),
        ("what can be set", "config"),
    )
    terminal.show("\nWhat to try next:")
    for about, words in tries:
        terminal.show(f"  {about}:\n    {_command()} {words}{facts.at(library)}")


def _command() -> str:
    """What starts this command line in a shell: `make demo` leaves the environment off the PATH."""
    beside = Path(sys.executable).with_name("workbench")
    found = shutil.which("workbench")
    return "workbench" if found and Path(found).parent == beside.parent else facts.typed(beside)
