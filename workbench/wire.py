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
from workbench.uploads import (
    DiskFull,
    UploadChecksum,
    UploadConflict,
    UploadLocked,
    UploadQuota,
    UploadTooLarge,
)

_KINDS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        *(NotFound, NotAllowed, KeyReused, BadSetting, LibraryBusy, LibraryBroken),
        *(BadOptions, ModelMissing),
        *(UploadTooLarge, UploadQuota, UploadLocked, UploadChecksum, DiskFull),
    )
}
_PLAIN = {401: AccessDenied, 403: AccessDenied, 404: NotFound, 408: Unreachable}
"""Statuses that say enough; 408 is for what came too slowly."""
_UNTOUCHED = (429, 503)
"""Statuses of a server that did nothing, and may later."""
_UNKNOWN = (502, 504)
"""Statuses of a proxy that does not know what was done."""
_OF_A_PROXY = (502, 503, 504)
"""Statuses of a proxy behind which nobody answers; a workbench says itself why it cannot."""
_STRANGE = (KeyError, TypeError, AttributeError, ValueError)
"""What comes of reading an answer that is not what a workbench answers."""
_FIRST_PATIENCE: Seconds = 2.0  # an address that never answered is more likely wrong than busy
SHORTEST_PAUSE: Seconds = 0.1
LONGEST_PAUSE: Seconds = 2.0
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
        """The content of the answer to `ask`, which raises the same."""
        answer = self.ask(method, path, repeatable=repeatable, **parts)
        return self.read(lambda told: told.json(), answer) if answer.content else None

    def ask(self, method: str, path: str, *, repeatable: bool = True, **parts: Any) -> httpx2.Response:
        """The answer; `parts` are those of `httpx2.Client.request`.

        `repeatable`: to be asked twice does no harm. Raises Unreachable, AccessDenied, or what the server
        says is wrong.
        """
        started, pause = time.monotonic(), SHORTEST_PAUSE
        while True:
            try:
                return self._try(method, path, repeatable, parts)
            except _Again as again:
                patience = self._patience if self._answered else min(self._patience, _FIRST_PATIENCE)
                wait = pause if again.wait is None else again.wait
                if time.monotonic() + wait - started > patience:
                    raise again.reason from again.__cause__
                time.sleep(wait)
                pause = min(2 * pause, LONGEST_PAUSE)
                self._look_again()

    def read[T](self, take: Callable[[Any], T], found: Any) -> T:
        """What `take` takes of an answer; raises WorkbenchError when a workbench does not answer so."""
        try:
            return take(found)
        except _STRANGE as error:
            raise _strange(self.url) from error

    def known[M: Frozen](self, kind: type[M], view: Any) -> M:
        """The noun that a view shows; raises WorkbenchError when it shows another thing."""
        return self.read(lambda told: noun(kind, told), view)

    def _try(self, method: str, path: str, repeatable: bool, parts: dict[str, Any]) -> httpx2.Response:
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
        return answer

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


def noun[M: Frozen](kind: type[M], view: dict[str, Any]) -> M:
    """The noun that a view shows; what a newer server tells besides is left out."""
    return kind.model_validate({name: view[name] for name in kind.model_fields if name in view})


def _connection(place: Place) -> httpx2.Client:
    headers = _headers(place)
    try:
        parts = urlsplit(place.url)
        host, _ = parts.hostname, parts.port
        if not host or parts.scheme not in ("http", "https"):
            raise BadSetting(f"a server's address begins with http:// or https://, not {place.url!r}")
        # A proxy that the environment names cannot reach this machine's own addresses.
        by_proxy = not is_loopback(host)
        return httpx2.Client(base_url=place.url, headers=headers, timeout=_TIMES, trust_env=by_proxy)
    except (ValueError, httpx2.InvalidURL) as error:
        what = f"{place.url!r} cannot be a server's address ({error}): write one like http://127.0.0.1:5006"
        raise BadSetting(what) from error


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
    except _STRANGE:
        return _not_ours(answer)
    if plain := _PLAIN.get(answer.status_code):
        return plain(detail)
    if answer.status_code == 422 and kind is None:  # a field that cannot be what it is
        return BadOptions(detail)
    if kind == UploadConflict.__name__:
        return UploadConflict(detail, int(answer.headers.get("upload-offset", 0)))
    return _KINDS.get(str(kind), WorkbenchError)(detail)


def _not_ours(answer: httpx2.Response) -> Exception:
    """The error for an answer that no workbench gave."""
    url = f"{answer.url.scheme}://{answer.url.netloc.decode()}"
    said = f"{answer.status_code} {answer.reason_phrase}".strip()
    if answer.status_code in _OF_A_PROXY:
        return Unreachable(
            f"a proxy at {url} cannot reach the workbench ({said}): is `workbench serve` running behind it?"
        )
    return WorkbenchError(f"{url} answered {said}, and not as a workbench does: check the address")


def _strange(url: str) -> WorkbenchError:
    return WorkbenchError(f"{url} did not answer as a workbench does: check the address")
