"""A list that people change in place: a table with a button in each row, and a form below it."""

from collections.abc import Callable, Mapping
from typing import Any

import param

from apps.pages.parts import FOLDER, Part, said, style

type Values = Mapping[str, str]


class Register(Part):
    """What is known, and what can be added, tried or taken away.

    With an `address` the browser asks the REST interface itself: POST for what the form says, DELETE for the
    key of a row. So a secret that is made is in nobody's page but in that of who has made it. Without one, or
    after that, `change` is called.
    """

    caption = param.String()
    lead = param.String(default="")
    heads = param.List(default=[], item_type=str)
    rows = param.List(default=[], item_type=dict)
    """Each with its `cells`; where it can be taken away, with its `key`, the name of the `act`, what to `ask`
    before it, and what to say when it is `done`."""
    none = param.String(default="Nothing yet.")
    fields = param.List(default=[], item_type=dict)
    """Of the form: name, label, value, and either options, as [value, text], or an example. None: no form."""
    button = param.String(default="Add")
    address = param.String(default="")
    first = param.Boolean(default=False)
    """Whether what is made is the first key, with which this browser is to be logged in."""
    hints = param.Boolean(default=False)
    """Whether what is typed is to be looked at before it is sent."""
    hint = param.String(default="")

    _bundle = FOLDER / "register.js"
    _stylesheets = [*Part._stylesheets, style("records.css"), style("register.css")]

    def __init__(
        self,
        add: Callable[[Values], bool] | None = None,
        remove: Callable[[str], bool] | None = None,
        look: Callable[[Values], str] | None = None,
        change: Callable[[], None] = lambda: None,
        **params: Any,
    ) -> None:
        """`add` gets what the form says, `remove` a key; both tell whether that was done.

        `look` tells what is to be said of what is typed.
        """
        super().__init__(hints=look is not None, **params)
        self._add, self._remove, self._look, self._change = add, remove, look, change

    def _handle_msg(self, msg: object) -> None:
        typed = msg.get("values") if isinstance(msg, dict) else None
        values = {name: said(typed, name) for name in (each["name"] for each in self.fields)}
        act, done = said(msg, "act"), True
        if act == "look" and self._look:
            self.hint = self._look(values)
            return
        if act == "add" and self._add:
            done = self._add(values)
        elif act == "remove" and self._remove:
            done = self._remove(said(msg, "key"))
        self._change()
        self._send_msg({"act": act, "done": done})
