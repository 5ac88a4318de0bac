"""What all commands are under: each of them calls the `Workbench` and shows what it says.

While a server has the library open, the same verbs are the server's: see `workbench.door`.
"""

import sys
from importlib import metadata
from typing import Annotated

import typer
from typer.main import get_command

from apps import terminal
from apps.commands import jobs, library, work
from workbench.settings import unknown_variables

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a bug shows its plain traceback, without the values of variables
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\n" + terminal.EXIT_CODES,
)
for part in (work, jobs, library):
    app.add_typer(part.app)


@app.callback(invoke_without_command=True)
def _top(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Long recordings in; a finished episode and short clips out.

    Settings come from the library's workbench.toml, then variables named WORKBENCH_<SETTING>, then flags,
    the later the stronger; `workbench config` lists them all.
    """
    for sentence in unknown_variables():
        terminal.say(f"warning: {sentence}")
    if version:
        terminal.show(f"episode-workbench {metadata.version('episode-workbench')}")
        raise typer.Exit


_command = get_command(app)  # takes a moment too: see `apps.cli`


def run() -> None:
    """Run the command line of this process; it ends with one of `terminal.EXIT_CODES`."""
    terminal.never_fail()
    try:
        _command()
    except terminal.REFUSALS as error:
        sys.exit(terminal.refuse(error, as_json="--json" in sys.argv))
    finally:
        terminal.flush()
