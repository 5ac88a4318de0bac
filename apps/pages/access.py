"""Who has a page open, and what they may do there."""

import logging
from collections.abc import Callable
from typing import Self
from urllib.parse import unquote

import panel as pn

from pipeline.errors import PipelineError
from workbench.access import Scope
from workbench.errors import NotAllowed, WorkbenchError
from workbench.jobs import Request
from workbench.names import names_only
from workbench.workbench import Workbench

_LOG = logging.getLogger(__name__)
_SHOWN = 8000  # milliseconds for which an error can be read


class Visitor:
    """The person, as the guard has introduced them."""

    def __init__(self, name: str, scope: Scope) -> None:
        self.name = name
        self.scope = scope

    @classmethod
    def here(cls) -> Self:
        """Whoever has asked for the page that is being made."""
        told = {name.lower(): value for name, value in (pn.state.headers or {}).items()}
        return cls(
            unquote(told.get("x-workbench-caller", "")), Scope(told.get("x-workbench-scope", Scope.READ))
        )

    def acts(self, do: Callable[[], object], least: Scope = Scope.SUBMIT) -> bool:
        """Do what a button is for, if this person may; what goes wrong is told on the page, and False."""
        try:
            if self.scope < least:
                may = "may only look" if self.scope is Scope.READ else "may not do that"
                raise NotAllowed(f"this key {may}: log in with one that may {least}")
            do()
            return True
        except (WorkbenchError, PipelineError) as error:
            pn.state.notifications.error(self.may_know(str(error)), duration=_SHOWN)
        except Exception:  # noqa: BLE001 - the page goes on, and the person hears of it
            _LOG.exception("what a button of the pages does has failed")
            told = "That did not work, and the server's log says why: try again, or ask whoever runs it."
            pn.state.notifications.error(told, duration=_SHOWN)
        return False

    def may_know[T](self, value: T) -> T:
        """`value` as this person may see it: only admins see the folders of this machine."""
        return value if self.scope >= Scope.ADMIN else names_only(value)

    def ask(self, bench: Workbench, request: Request) -> None:
        """Have a job done, in this person's name."""
        bench.submit([request.model_copy(update={"requested_by": self.name})], None, self.name)
