"""One attempt to tell a webhook: signed by Standard Webhooks 1.0, to the checked IP only, in bounded time.

Whoever receives must get the same `webhook-id` at every attempt and may get it more than once. A
redirect is not followed, a proxy is not used, and what the receiver says is read but never shown:
the answer of an inner service is none of the business of whoever named the address.
"""

import base64
import binascii
import hashlib
import hmac
import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Buffer, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import version

from pipeline.model import Seconds
from workbench.addresses import Address, Resolve, checked
from workbench.errors import BadSetting, WorkbenchError

TIMEOUT: Seconds = 20.0
LONGEST_WAIT: Seconds = 24 * 3600.0
MOST_READ = 64 * 1024
#: seconds after the 1st, 2nd, ... failed try: an execution of n8n waits a moment later than it calls
WAITS: tuple[Seconds, ...] = (1, 2, 5, 10, 30, 60, *(60 * m for m in (5, 30, 120, 300, 600, 840, 1200, 1440)))
_PREFIX = "whsec_"
_PIECE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A message and where it goes. Raises ValueError when `message_id` cannot be signed or sent."""

    url: str
    message_id: str
    """The same at every attempt; letters, digits, `_` and `-`."""
    body: bytes
    """JSON, sent and signed byte for byte."""
    secret: str | None = field(repr=False)
    """`whsec_...`, or two of them; None sends without a signature."""
    header: str | None = field(default=None, repr=False)
    """One more header as `Name: value`, such as Authorization; only for receivers in `webhook_allow`."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,200}", self.message_id):
            raise ValueError(f"not a message id: {self.message_id!r}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt."""

    reason: str
    """One sentence, for the list of deliveries."""
    delivered: bool = False
    status: int | None = None
    """The server's code; None when there was no answer."""
    gone: bool = False
    """The receiver will never take it: no other attempt should be made."""
    retry_after: Seconds | None = None
    """How long the receiver asked to be left alone; at most a day."""


def deliver(
    request: Request,
    allow: Sequence[str],
    *,
    now: datetime,
    timeout: Seconds = TIMEOUT,
    resolve: Resolve = socket.getaddrinfo,
    ssl_context: ssl.SSLContext | None = None,
) -> Answer:
    """What the receiver said; trouble with the address or the network is an Answer too, never raised.

    All of it takes at most `timeout`. The address is checked anew: since the last attempt its name may have
    come to mean another host.
    """
    until = time.monotonic() + timeout
    try:
        address = checked(request.url, allow, resolve, timeout)
        headers = _headers(request, address, now)
    except WorkbenchError as error:
        return Answer(str(error))
    try:
        status, retry_after = _post(address, request.body, headers, until, ssl_context)
    except (OSError, http.client.HTTPException) as error:
        return Answer(f"{address.place} {_trouble(error, timeout)}")
    return Answer(
        f"{address.place} {_words(status)}{_missing(request, address, status)}",
        delivered=200 <= status < 300,
        status=status,
        gone=status == HTTPStatus.GONE,
        retry_after=_wait_asked_for(retry_after, now),
    )


def retry_in(tries: int, *, chance: float) -> Seconds | None:
    """How long to wait after the `tries`th try has failed; None when that was the last one.

    `chance` in 0..1 adds up to a tenth, so that what failed together does not come back together.
    """
    if tries < 1:
        raise ValueError(f"not a number of tries: {tries}")
    return WAITS[tries - 1] * (1 + chance / 10) if tries <= len(WAITS) else None


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature` for `body`, with a signature by each secret that `secret` holds.

    `timestamp` is in seconds since 1970. Raises BadSetting when the secret is none.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in check_secret(secret))
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def signing_secret(given: str | None, own: bytes) -> str:
    """What webhooks are signed with: the setting `webhook_secret`, or else the library's `own` random bytes.

    Raises BadSetting.
    """
    if given:
        check_secret(given)
        return given
    return _PREFIX + base64.b64encode(own).decode()


def check_secret(text: str) -> tuple[bytes, ...]:
    """The keys of a `whsec_...`, or of two: the new secret, and the old one until all receivers know the new.

    Raises BadSetting, without the secrets, when there is anything else.
    """
    keys = tuple(map(_key, re.split(" *, *| +", text)))
    if len(keys) > 2 or not all(24 <= len(key) <= 64 for key in keys):
        raise BadSetting(
            f"setting `webhook_secret` must be {_PREFIX} and the base64 of 24 to 64 random bytes; "
            "to change it, write the new secret, a space and the old one until all receivers know the new"
        )
    return keys


def _key(secret: str) -> bytes:
    """Nothing, when it is no secret."""
    text = secret.removeprefix(_PREFIX)
    try:
        return b"" if text == secret else base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def check_header(text: str) -> tuple[str, str]:
    """Name and value of a `Name: value`. Raises BadSetting, without the value, when it cannot be sent."""
    name, colon, value = text.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise BadSetting("setting `webhook_header` must be written as Name: value")
    if not re.fullmatch(r"[\x20-\x7e]+", value.strip(" ")):
        raise BadSetting(f"setting `webhook_header` has a value for {name} that is empty or not plain ASCII")
    if name.lower() in _OURS or name.lower().startswith("webhook-"):
        raise BadSetting(f"setting `webhook_header` cannot be {name}, which the workbench sets itself")
    return name, value.strip(" ")


_OURS = (
    *("host", "connection", "upgrade", "te", "trailer", "expect", "transfer-encoding", "accept-encoding"),
    *("content-type", "content-length", "content-encoding", "user-agent"),
)


def _headers(request: Request, address: Address, now: datetime) -> dict[str, str]:
    timestamp = int(now.timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"episode-workbench/{version('episode-workbench')}",
        "Connection": "close",
        "webhook-id": request.message_id,
        "webhook-timestamp": str(timestamp),
    }
    if request.secret is not None:
        headers["webhook-signature"] = sign(request.secret, request.message_id, timestamp, request.body)
    # Whoever submits a job chooses the receiver: a password must not go wherever they like.
    if request.header is not None and address.allowed:
        name, value = check_header(request.header)
        headers[name] = value
    return headers


def _post(
    address: Address, body: bytes, headers: dict[str, str], until: float, context: ssl.SSLContext | None
) -> tuple[int, str | None]:
    """Status and `Retry-After` of the answer."""
    with closing(_Pinned(address, until, context)) as connection:
        connection.request("POST", address.target, body=body, headers=headers)
        with closing(_Reply(connection.sock, until)) as reply:
            reply.begin()
            # The status decides. The body is taken only so that the receiver can finish its answer.
            with suppress(OSError, http.client.HTTPException):
                reply.read(MOST_READ)
            return reply.status, reply.headers.get("Retry-After")


class _Pinned(http.client.HTTPConnection):
    """Connects to the checked IPs only, while `Host`, SNI and the certificate's check use the host's name."""

    def __init__(self, address: Address, until: float, context: ssl.SSLContext | None) -> None:
        super().__init__(address.host, address.port)
        self._address = address
        self._until = until
        self._context = context
        if address.scheme == "https":
            self.default_port = 443  # so that `Host` does not name it

    def connect(self) -> None:
        self.sock = _connected(self._address, self._until)
        if self._address.scheme == "https":
            context = self._context or ssl.create_default_context()
            self.sock.settimeout(_left(self._until))
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def send(self, data: bytes) -> None:  # type: ignore[override]  # the message and its body are bytes
        if self.sock is None:
            self.connect()
        for start in range(0, len(data), _PIECE):
            self.sock.settimeout(_left(self._until))
            self.sock.sendall(data[start : start + _PIECE])


class _Reply(http.client.HTTPResponse):
    """An answer that has to be there in time, however slowly it drips."""

    def __init__(self, sock: socket.socket, until: float) -> None:
        super().__init__(sock, method="POST")
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock, until))


class _Timed(io.RawIOBase):
    """What a socket receives: each read gets what is left of the time, not the whole time again."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, until: float) -> None:
        self._raw = raw
        self._sock = sock
        self._until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int | None:
        self._sock.settimeout(_left(self._until))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _connected(address: Address, until: float) -> socket.socket:
    """A connection to the first IP that takes one; none may use up the time of those after it."""
    *others, last = address.ips
    for tried, ip in enumerate(others):
        with suppress(OSError):
            share = _left(until) / (len(address.ips) - tried)
            return socket.create_connection((ip, address.port), timeout=share)
    return socket.create_connection((last, address.port), timeout=_left(until))


def _left(until: float) -> Seconds:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _trouble(error: Exception, timeout: Seconds) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that cannot be trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return f"did not answer within {timeout:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "refused the connection: nothing listens there"
    if isinstance(error, ConnectionError):
        return "closed the connection without an answer"
    if isinstance(error, http.client.HTTPException):
        return "answered with something that is not HTTP"
    return f"cannot be reached: {getattr(error, 'strerror', None) or error}"


def _words(status: int) -> str:
    with suppress(ValueError):
        phrase = HTTPStatus(status).phrase  # not the server's own, which could be anything
        if 300 <= status < 400:
            return f"answered {status} {phrase}: redirects are not followed, give the final address"
        return f"answered {status} {phrase}"
    return f"answered {status}"


def _missing(request: Request, address: Address, status: int) -> str:
    if request.header is None or address.allowed or status not in (401, 403):
        return ""
    return f": to send `webhook_header` there, add {address.place} to the setting `webhook_allow`"


def _wait_asked_for(text: str | None, now: datetime) -> Seconds | None:
    """Seconds that `Retry-After` asks for, as a number or as a date; None when it says neither."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]+", text.strip()):
        return min(float(text), LONGEST_WAIT)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return min(max((when - now).total_seconds(), 0.0), LONGEST_WAIT)
