"""Who may do what: API keys, the browser's sessions, and how many requests a client may make.

Everything is answered from memory, since it is asked at every request; only making and revoking a key
touch the rows that the store keeps. Safe in threads.
"""

import base64
import hashlib
import hmac
import ipaddress
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from pipeline.model import Frozen, Seconds
from workbench.errors import BadSetting, NotFound

SESSION: Seconds = 12 * 3600
"""How long a browser stays logged in after it last asked for something."""
RENEWED: Seconds = 3600
"""A cookie older than this is replaced at the next request."""
_LONGEST_NAME = 80
_REMEMBERED = 10_000  # clients, and sessions that were ended: what memory can grow to
_KEY = re.compile(r"wb_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_COOKIE = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{12})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})")


class Scope(StrEnum):
    """What a key allows; each scope includes those before it, and `READ < SUBMIT < ADMIN`."""

    #: see everything, change nothing
    READ = "read"
    #: also start, stop and upload
    SUBMIT = "submit"
    #: also make and revoke keys, and test addresses
    ADMIN = "admin"

    @property
    def _rank(self) -> int:
        return tuple(Scope).index(self)

    # Text would order them by letter, and `admin` would come first.
    def __lt__(self, other: str) -> bool:
        return self._rank < Scope(other)._rank

    def __le__(self, other: str) -> bool:
        return self._rank <= Scope(other)._rank

    def __gt__(self, other: str) -> bool:
        return self._rank > Scope(other)._rank

    def __ge__(self, other: str) -> bool:
        return self._rank >= Scope(other)._rank


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may do."""

    key_id: str | None
    name: str
    scope: Scope

    @property
    def label(self) -> str:
        """What the audit says: names can be alike, ids cannot."""
        return f"{self.name} ({self.key_id})" if self.key_id else self.name


ANYONE = Caller(None, "anyone on this machine", Scope.ADMIN)
"""The caller of a workbench that only this machine can reach and that has no key yet."""
COMMAND_LINE = Caller(None, "command line", Scope.ADMIN)
"""The command line of the machine and user that the workbench runs as."""


class Key(Frozen):
    """A key without its secret, which nobody can show a second time. Times are UTC."""

    key_id: str
    name: str
    scope: Scope
    created_at: datetime
    revoked_at: datetime | None = None


class KeyRows(Protocol):
    """Where keys are written down: key_id, name, hash, scope, created_at and revoked_at."""

    def add_key(self, row: Mapping[str, object]) -> None:
        """Keep a new key; `row` has no revoked_at."""

    def revoke_key(self, key_id: str, at: datetime) -> None:
        """The key does not count any more."""

    def keys(self) -> list[dict[str, Any]]:
        """All keys, the revoked ones too; times are aware."""


@dataclass(frozen=True, slots=True)
class _Live:
    """A key that counts."""

    hash: bytes
    caller: Caller


class Keys:
    """The library's API keys, and the browser sessions that they open."""

    def __init__(self, rows: KeyRows, secret: bytes, *, clock: Callable[[], float] = time.time) -> None:
        """`secret` signs the sessions: 32 random bytes or more, the library's own, kept from others.

        `clock` gives seconds since 1970.
        """
        if len(secret) < 32:
            raise ValueError("the secret that signs sessions needs 32 bytes")
        self._rows = rows
        self._secret = secret
        self._clock = clock
        self._door = threading.Lock()
        self._ended: dict[str, None] = {}
        self._live = {
            row["key_id"]: _Live(
                bytes.fromhex(row["hash"]), Caller(row["key_id"], row["name"], Scope(row["scope"]))
            )
            for row in rows.keys()  # noqa: SIM118 - not a mapping
            if row["revoked_at"] is None
        }
        # A browser sends a host's cookies to all its ports: two libraries must not share a name.
        self.cookie_name = f"wb_session_{hashlib.sha256(b'cookie' + secret).hexdigest()[:8]}"

    @property
    def needed(self) -> bool:
        """Whether there is a key that counts: until then this machine may do everything."""
        return bool(self._live)

    def make(self, name: str, scope: Scope) -> tuple[Key, str]:
        """A new key and its text, which is shown this once and kept nowhere.

        Raises BadSetting when the name is empty, too long or not printable.
        """
        name = name.strip()
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise BadSetting(f"a key's name needs 1 to {_LONGEST_NAME} printable characters, not {name!r}")
        secret = secrets.token_urlsafe(32)
        key = Key(key_id=secrets.token_hex(6), name=name, scope=scope, created_at=datetime.now(UTC))
        hashed = _hash(secret)
        with self._door:
            self._rows.add_key(
                {
                    "key_id": key.key_id,
                    "name": name,
                    "hash": hashed.hex(),
                    "scope": scope.value,
                    "created_at": key.created_at,
                }
            )
            self._live = self._live | {key.key_id: _Live(hashed, Caller(key.key_id, name, scope))}
        return key, f"wb_{key.key_id}_{secret}"

    def keys(self) -> list[Key]:
        """All keys that were ever made, with the time when a key was revoked."""
        return [
            Key.model_validate({name: row[name] for name in Key.model_fields})
            for row in self._rows.keys()  # noqa: SIM118 - not a mapping
        ]

    def revoke(self, key_id: str) -> None:
        """The key and the sessions that it opened end now; a second time changes nothing.

        Raises NotFound when there is no such key.
        """
        with self._door:
            if key_id in self._live:
                self._rows.revoke_key(key_id, datetime.now(UTC))
                self._live = {known: live for known, live in self._live.items() if known != key_id}
                return
        if all(key.key_id != key_id for key in self.keys()):
            raise NotFound(f"there is no key {key_id!r}: `workbench keys` shows them")

    def who(self, text: str) -> Caller | None:
        """The caller whose key this is; None when it is no key that counts."""
        found = _KEY.fullmatch(text)
        if found is None:
            return None
        live = self._live.get(found[1])
        # An unknown id is compared too, so that the time taken does not tell which ids there are.
        right = hmac.compare_digest(_hash(found[2]), live.hash if live else bytes(32))
        return live.caller if live and right else None

    def still(self, caller: Caller) -> bool:
        """Whether a caller who was let in may stay: what is open for hours is asked again."""
        if caller.key_id is not None:
            return caller.key_id in self._live
        return caller != ANYONE or not self.needed

    def session(self, caller: Caller) -> str:
        """The cookie's text for a browser that has shown its key.

        Raises ValueError for a caller without a key, who has nothing that a session could end with.
        """
        if caller.key_id is None:
            raise ValueError(f"{caller.label} has no key")
        return self._signed(secrets.token_hex(16), caller.key_id)

    def from_cookie(self, text: str) -> Caller | None:
        """Who has that session; None when it is not ours, too old, ended, or its key was revoked."""
        session = self._opened(text)
        live = self._live.get(session.key_id) if session else None
        return live.caller if live else None

    def renewed(self, text: str) -> str | None:
        """The text that replaces a good cookie, so that work keeps a session open; None if it is new."""
        session = self._opened(text)
        if session is None or session.until - self._clock() > SESSION - RENEWED:
            return None
        return self._signed(session.number, session.key_id)

    def end(self, text: str) -> None:
        """Log out: the session's cookies are worth nothing from now on, copies too.

        Remembered until the process ends; a session that nobody uses ends by itself in 12 hours.
        """
        if (session := self._opened(text)) is not None:
            with self._door:
                self._ended[session.number] = None
                while len(self._ended) > _REMEMBERED:
                    self._ended.pop(next(iter(self._ended)))

    def _signed(self, number: str, key_id: str) -> str:
        content = f"{number}.{key_id}.{int(self._clock() + SESSION)}"
        return f"{content}.{self._signature(content)}"

    def _signature(self, content: str) -> str:
        made = hmac.digest(self._secret, content.encode(), "sha256")
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    def _opened(self, text: str) -> "_Session | None":
        found = _COOKIE.fullmatch(text)
        if found is None or not hmac.compare_digest(
            self._signature(text.rpartition(".")[0]).encode(), found[4].encode()
        ):
            return None
        session = _Session(found[1], found[2], int(found[3]))
        return None if session.until <= self._clock() or session.number in self._ended else session


@dataclass(frozen=True, slots=True)
class _Session:
    """What a cookie says."""

    number: str
    key_id: str
    until: float


class Limits:
    """So many requests a minute for each client: a minute's worth at once, then evenly.

    With 60 or more, a client that asks once a second never has to wait.
    """

    def __init__(self, per_minute: int, *, clients: int = _REMEMBERED) -> None:
        """Of more than `clients`, those that have not asked for longest are forgotten.

        Raises BadSetting when nothing would be allowed.
        """
        if per_minute < 1:
            raise BadSetting(f"setting `rate_limit_per_minute` must be 1 or more, not {per_minute}")
        self.per_minute = per_minute
        self._clients = clients
        self._buckets: OrderedDict[str, tuple[float, Seconds]] = OrderedDict()
        self._door = threading.Lock()

    def take(self, who: str, now: Seconds) -> Seconds:
        """Count a request at `now` (of a clock that never goes back); 0, or how long `who` must wait.

        A request that has to wait is not counted.
        """
        with self._door:
            left = self._left(who, now)
            wait = 0.0 if left >= 1 - 1e-9 else (1 - left) * 60 / self.per_minute
            self._buckets[who] = (left if wait else max(0.0, left - 1), now)
            self._buckets.move_to_end(who)
            if len(self._buckets) > self._clients:
                self._buckets.popitem(last=False)
            return wait

    def left(self, who: str, now: Seconds) -> int:
        """How many requests `who` could make at once."""
        with self._door:
            return int(self._left(who, now) + 1e-9)

    def _left(self, who: str, now: Seconds) -> float:
        left, at = self._buckets.get(who, (float(self.per_minute), now))
        return min(self.per_minute, left + max(0.0, now - at) * self.per_minute / 60)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def network_of(address: str) -> str:
    """What a client without a key is counted by: its address; for IPv6 its /64, which one household has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(found) if found.version == 4 else str(ipaddress.ip_network((int(found), 64), strict=False))


def _hash(secret: str) -> bytes:
    """The secret has 256 random bits: nobody can try them all, so a fast hash is enough.

    A slow one guards passwords, which people choose; here it would only make every request slow.
    """
    return hashlib.sha256(secret.encode("ascii")).digest()
