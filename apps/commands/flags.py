"""Flags that several commands have, and what ends a command."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from apps import terminal
from apps.watch import Signals
from pipeline.model import StageName
from workbench.jobs import Status

Library = Annotated[Path | None, typer.Option(help="Folder of the library.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Facts as JSON on standard output.")]
Target = Annotated[StageName, typer.Option(help="How far to go.")]
Force = Annotated[bool, typer.Option("--force", help="Do finished work again.")]
Model = Annotated[str | None, typer.Option(help="Speech model: auto, a faster-whisper name, or a folder.")]
Language = Annotated[str | None, typer.Option(help="Language of the recordings, such as en.")]
Workers = Annotated[int | None, typer.Option(help="Worker processes; 0 for one per core.")]
Host = Annotated[str | None, typer.Option(help="Address that serve listens on (127.0.0.1).")]
Port = Annotated[int | None, typer.Option(help="Port that serve listens on (5006); 0 for any.")]
Scheduler = Annotated[str | None, typer.Option(help="Dask scheduler to use, such as tcp://10.0.0.5:8786.")]


def code(ended: Sequence[Status], signals: Signals) -> int:
    """The exit code of a command whose jobs ended like this."""
    if signals.cancel:
        return terminal.CANCELLED
    return terminal.DONE if all(status is Status.COMPLETED for status in ended) else terminal.FAILED
