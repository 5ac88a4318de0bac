"""Asks a server: again while that can help, and with its problems as the workbench's own errors."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx2

from pipeline.errors import BadOptions, ModelMissing
from pipeline.model import Frozen, Seconds
from workbench.access import is_loopback
from workbench.errors import (
    AccessDenied,
    BadSetting,
    KeyReused,
    LibraryBroken,
    LibraryBusy,
    NotAllowed,
    NotFound,
    Unreachable,
    WorkbenchError,
)

_KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        *(NotFound, NotAllowed, KeyReused, BadSetting, LibraryBusy, LibraryBroken),
        *(BadOptions, ModelMissing),
    )
}
_DENIED = (401, 403)
_UNTOUCHED = (429, 503)
"""Statuses of a server that did nothing, and may later."""
_UNKNOWN = (502, 504)
"""Statuses of a proxy that does not know what was done."""
_FIRST_PATIENCE: Seconds = 2.0  # an address that never answered is more likely wrong than busy
_SHORTEST_PAUSE: Seconds = 0.1
_LONGEST_PAUSE: Seconds = 2.0
_TIMES = httpx2.Timeout(90.0, connect=5.0)  # an answer that waits for a job's end takes a minute


class Place(Frozen):
    """Where a server is, and the key that opens it."""

    url: str
    key: str | None = None


class _Again(Exception):
    """It was not done for `reason`, and is worth another try after `wait` seconds."""

    def __init__(self, reason: Exception, wait: Seconds | None = None) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.wait = wait


class Wire:
    """A connection to one server, which may be started again in between. Safe in threads."""

    def __init__(self, find: Callable[[], Place | None], patience: Seconds) -> None:
        """`find` tells where the server is, and is asked again when it is not there any more.

        `patience`: for how many seconds a server that answered before is tried again. Raises Unreachable
        when there is no server, BadSetting when its address cannot be one.
        """
        place = find()
        if place is None:
            raise Unreachable("no server is running: start it with `workbench serve`")
        self._find = find
        self._patience = patience
        self._answered = False
        self._place = place
        self._http = _connection(place)

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return self._place.url.rstrip("/")

    def close(self) -> None:
        """Close the connections; closing twice is no error."""
        self._http.close()

    def get(self, path: str, **asked: Any) -> Any:
        """What there is at `path`; what is None of `asked` is left out of the query."""
        return self.send("GET", path, params={name: each for name, each in asked.items() if each is not None})

    def send(self, method: str, path: str, *, repeatable: bool = True, **parts: Any) -> Any:
        """The content of the answer; `parts` are those of `httpx2.Client.request`.

        `repeatable`: to be asked twice does no harm. Raises Unreachable, AccessDenied, or what the server
        says is wrong.
        """
        started, pause = time.monotonic(), _SHORTEST_PAUSE
        while True:
            try:
                return self._try(method, path, repeatable, parts)
            except _Again as again:
                patience = self._patience if self._answered else min(self._patience, _FIRST_PATIENCE)
                wait = pause if again.wait is None else again.wait
                if time.monotonic() + wait - started > patience:
                    raise again.reason from again.__cause__
                time.sleep(wait)
                pause = min(2 * pause, _LONGEST_PAUSE)
                self._look_again()

    def _try(self, method: str, path: str, repeatable: bool, parts: dict[str, Any]) -> Any:
        try:
            answer = self._http.request(method, path, **parts)
        except httpx2.TransportError as error:
            raise self._unanswered(error, repeatable) from error
        self._answered = True
        if answer.status_code == 401 and self._look_again():
            raise _Again(_refusal(answer), 0.0)
        if answer.status_code in _UNTOUCHED or (repeatable and answer.status_code in _UNKNOWN):
            raise _busy(answer)
        if not answer.is_success:
            raise _refusal(answer)
        return _content(answer) if answer.content else None

    def _unanswered(self, error: httpx2.TransportError, repeatable: bool) -> Exception:
        if repeatable or isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            does = "does not answer any more" if self._answered else "does not answer"
            return _Again(Unreachable(f"the server at {self.url} {does}: start it with `workbench serve`"))
        return Unreachable(
            f"the server at {self.url} broke off, and may have done what was asked: look before you ask again"
        )

    def _look_again(self) -> bool:
        """Whether the server has moved: one that was started again has another token, often another port."""
        place = self._find()
        if place is None or place == self._place:
            return False
        self._place = place
        self._http.base_url, self._http.headers = place.url, _headers(place)
        return True


def _connection(place: Place) -> httpx2.Client:
    host = urlsplit(place.url).hostname
    if not host or not place.url.startswith(("http://", "https://")):
        raise BadSetting(f"a server's address begins with http:// or https://, not {place.url!r}")
    # A proxy that the environment names cannot reach this machine's own addresses.
    by_proxy = not is_loopback(host)
    return httpx2.Client(base_url=place.url, headers=_headers(place), timeout=_TIMES, trust_env=by_proxy)


def _headers(place: Place) -> httpx2.Headers:
    key = {"Authorization": f"Bearer {place.key}"} if place.key else {}
    return httpx2.Headers({"Accept": "application/json"} | key)


def _busy(answer: httpx2.Response) -> Exception:
    """Worth another try, unless the workbench itself says what is wrong: a missing model stays missing."""
    reason = _refusal(answer)
    if type(reason).__name__ in _KINDS:
        return reason
    after = answer.headers.get("retry-after", "")
    return _Again(reason, float(after) if after.isdecimal() else None)


def _refusal(answer: httpx2.Response) -> Exception:
    """The error that an answer stands for."""
    try:
        problem = answer.json()
        detail, kind = str(problem["detail"]), problem.get("kind")
    except (ValueError, KeyError, TypeError, AttributeError):
        url = f"{answer.url.scheme}://{answer.url.netloc.decode()}"
        return WorkbenchError(
            f"{url} answered {answer.status_code} {answer.reason_phrase}, and not as a workbench does: "
            "check the address"
        )
    if answer.status_code in _DENIED:
        return AccessDenied(detail)
    if answer.status_code == 404:
        return NotFound(detail)
    return _KINDS.get(str(kind), WorkbenchError)(detail)


def _content(answer: httpx2.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise WorkbenchError(f"{answer.url} did not answer as a workbench does: check the address") from error
