"""The way into a library: through the server that has it open, or by opening it."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from workbench import run_file
from workbench.errors import BadSetting, LibraryBroken
from workbench.settings import Settings, load_settings

if TYPE_CHECKING:
    from workbench.client import Client
    from workbench.workbench import Workbench

type Bench = Workbench | Client
"""What notebooks and commands work with: the same verbs, here or in a server."""

_opened: "WeakValueDictionary[Path, Workbench]" = WeakValueDictionary()
"""What `connect` opened in this process."""


def connect(
    library: Path | str | None = None, *, url: str | None = None, key: str | None = None, **settings: Any
) -> Bench:
    """A library, for notebooks and scripts: the server's while one runs on it, otherwise opened here.

    `library` is its folder on this machine, made if it is not there; by default the setting `library`.
    `url` is that of a server elsewhere, and `key` an API key of it. `settings` are those of
    `workbench config`, such as `workers=2`. What an earlier call in this process opened is closed first,
    so that a cell can be run again. Raises BadSetting when a setting is not known or cannot be what it
    is, or when a server has settled it already; LibraryBusy when another process has the library open,
    LibraryBroken when it cannot be used, Unreachable when no server answers at `url`.
    """
    if url:
        _leave_to(url, settings)
        from workbench.client import Client

        return Client(url, key)
    chosen = load_settings(library=library, **settings)
    if before := _opened.pop(chosen.library, None):
        with suppress(LibraryBroken):  # it is closed already
            before.close()
    bench = enter(chosen, settings)
    if not bench.detached:
        _opened[chosen.library] = bench  # type: ignore[assignment]  # what is not detached is here
    return bench


def enter(settings: Settings, here_only: Mapping[str, object] | None = None) -> Bench:
    """The server's library while one is running on it, otherwise the library itself.

    `here_only` are settings that a server has settled already (name → value, or None when it is not
    given). Raises BadSetting when one of them is given and a server runs, LibraryBusy or LibraryBroken
    when the library cannot be opened.
    """
    found = run_file.serving(settings.library)
    if found is None:
        from workbench.workbench import Workbench

        return Workbench(settings)
    _leave_to(found.url, here_only or {})
    from workbench.client import Client

    return Client.of_library(settings.library)


def _leave_to(url: str, settings: Mapping[str, object]) -> None:
    """Refuse what is set here though it is the server's at `url` to decide."""
    for name, value in settings.items():
        if value is not None:
            raise BadSetting(
                f"{name} cannot be used while the server at {url} has this library, since that has its "
                f"own: leave it away, or stop the server and start it with {name}"
            )
