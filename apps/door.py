"""The way into a library: through the server that has it open, or by opening it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench import run_file
from workbench.errors import BadSetting
from workbench.settings import Settings

if TYPE_CHECKING:
    from workbench.client import Client
    from workbench.workbench import Workbench

type Bench = Workbench | Client
"""What a command works with: the same verbs, here or in a server."""


def enter(settings: Settings, here_only: Mapping[str, object] | None = None) -> Bench:
    """The server's library while one is running on it, otherwise the library itself.

    `here_only` are settings of this command that a server has settled already (name → value, or None
    when it is not given). Raises BadSetting when one of them is given and a server runs, LibraryBusy or
    LibraryBroken when the library cannot be opened.
    """
    found = run_file.serving(settings.library)
    if found is None:
        from workbench.workbench import Workbench

        return Workbench(settings)
    for name, value in (here_only or {}).items():
        if value is not None:
            raise BadSetting(
                f"--{name} cannot be used while the server at {found.url} has this library, since that "
                f"has its own workers: leave the flag away, or stop the server and start it with --{name}"
            )
    from workbench.client import Client

    return Client.of_library(settings.library)
