"""Where the workbench may send to: an address is read once, looked up once, and connected to as checked.

Whoever submits a job names a `webhook_url`. Unchecked, it would let them reach through the workbench what
they cannot reach themselves: services on this machine, hosts of the inner network, the credentials that a
cloud hands out at 169.254.169.254 (server-side request forgery). What may be reached nevertheless, such as
an n8n next door, is named in the setting `webhook_allow` as exact `host:port`.
"""

import re
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import SplitResult, urlsplit

import idna

from pipeline.model import Seconds
from workbench.errors import BadSetting, WorkbenchError

type IP = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network
type Place = tuple[str, int]
type Resolve = Callable[..., Sequence[tuple[Any, ...]]]
"""Like socket.getaddrinfo."""

LONGEST = 2000
LOOK_UP_TIMEOUT: Seconds = 10.0
DEFAULT_PORT = {"http": 80, "https": 443}
USUAL_PORTS = (80, 443, 8080, 8443)


@dataclass(frozen=True, slots=True)
class Address:
    """An address that may be sent to; every one of `ips` was checked, and only they may be connected to."""

    scheme: str
    host: str
    """Lower case and ASCII, without a trailing dot; an IPv6 address has no brackets here."""
    port: int
    ips: tuple[str, ...]
    """What the host's name meant when it was checked, in the order of preference."""
    target: str
    """Path and query, byte for byte as given: n8n signs them."""
    allowed: bool
    """Whether `webhook_allow` names it."""

    @property
    def ip(self) -> str:
        return self.ips[0]

    @property
    def place(self) -> str:
        """The `host:port` that `webhook_allow` would name."""
        return _written((self.host, self.port))


def checked(
    url: str,
    allow: Sequence[str],
    resolve: Resolve = socket.getaddrinfo,
    timeout: Seconds = LOOK_UP_TIMEOUT,
) -> Address:
    """The address that `url` is, if the workbench may send to it; `allow` is the setting `webhook_allow`.

    The look-up of its name takes at most `timeout`.
    Raises BadAddress, saying what to change; BadSetting when `allow` has an entry that is no host:port.
    """
    parts, port = _taken_apart(url)
    place = (_host(parts), DEFAULT_PORT[parts.scheme] if port is None else port)
    allowed = place in allow_list(allow)
    ips = _looked_up(place, resolve, timeout)
    for ip in ips:
        _check_ip(ip, place, allowed)
    if not allowed:
        _check_is_usual(parts.scheme, place)
    return Address(parts.scheme, *place, tuple(map(str, ips)), _target(url, parts), allowed)


def allow_list(entries: Sequence[str]) -> frozenset[Place]:
    """The hosts and ports that the setting `webhook_allow` names.

    Raises BadSetting, naming the entry that is no host:port.
    """
    return frozenset(map(_entry, entries))


_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\s\\]")
_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")


def _taken_apart(url: str) -> tuple[SplitResult, int | None]:
    if len(url) > LONGEST:
        raise BadAddress(f"webhook_url has {len(url)} characters: use one with at most {LONGEST}")
    if _UNSAFE.search(url):
        raise BadAddress("webhook_url has a space, a control character or a backslash: percent-encode it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"webhook_url is not an address: {error}") from error
    if parts.scheme not in DEFAULT_PORT:
        raise BadAddress(f"webhook_url must begin with https:// or http://, not with {url[:12]!r}")
    if "#" in url:
        raise BadAddress("webhook_url has a fragment (# and what follows), which is never sent: leave it out")
    if port == 0:
        raise BadAddress("webhook_url has the port 0, which no server has: name its real port")
    return parts, port


def _host(parts: SplitResult) -> str:
    """The host's name, in the one way in which it is compared, looked up and sent."""
    name = parts.hostname or ""  # in lower case, without brackets
    if not name:
        raise BadAddress("webhook_url names no host: write it as https://host/path")
    if "@" in parts.netloc:
        raise BadAddress("webhook_url has a user name or an @ before the host: use `webhook_header` instead")
    try:
        if "[" in parts.netloc:
            return _ipv6(name)
        if not name.isascii():
            name = idna.encode(name, uts46=True).decode("ascii")
    except ValueError as error:  # idna's errors are ValueErrors
        raise BadAddress(f"webhook_url has a host that cannot be used: {error}") from error
    name = name.removesuffix(".")
    if not _NAME.fullmatch(name):
        raise BadAddress(f"webhook_url has a host that is no name: {name[:80]!r}")
    return name


def _ipv6(text: str) -> str:
    if "%" in text:
        raise BadAddress("webhook_url has a zone id (%): use an address that needs none, or the host's name")
    return str(IPv6Address(text))


def _target(url: str, parts: SplitResult) -> str:
    rest = url.partition("://")[2][len(parts.netloc) :]  # not put together again: `/?` has to stay `/?`
    if not rest.isascii():
        raise BadAddress("webhook_url has letters beyond ASCII after the host: percent-encode them")
    return rest if rest.startswith("/") else f"/{rest}"


def _entry(text: str) -> Place:
    try:
        parts = urlsplit(f"//{text}")
        host, port = _host(parts), parts.port
    except (ValueError, BadAddress) as error:
        raise _no_entry(text) from error
    if parts.netloc != text or not port:
        raise _no_entry(text)
    return host, port


def _no_entry(text: str) -> BadSetting:
    return BadSetting(f"setting `webhook_allow` has {text!r}: write host:port, such as n8n:5678")


def _looked_up(place: Place, resolve: Resolve, timeout: Seconds) -> tuple[IP, ...]:
    """Every IP address of the host, each once."""
    host, port = place
    try:
        found = _in_time(lambda: resolve(host, port, type=socket.SOCK_STREAM), timeout)
    except TimeoutError as error:
        raise BadAddress(
            f"webhook_url names the host {host}, which could not be looked up within {timeout:g} s: "
            "check the name server"
        ) from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no name"
        raise BadAddress(f"webhook_url names the host {host}, which cannot be found: {reason}") from error
    ips = tuple(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))
    if not ips:
        raise BadAddress(f"webhook_url names the host {host}, which has no address: check the name")
    return ips


def _in_time[T](look_up: Callable[[], T], timeout: Seconds) -> T:
    """What `look_up` gives or raises. Raises TimeoutError when that takes too long.

    Nothing can interrupt a system's resolver: it is left behind in a thread that holds up no exit.
    """
    done: Future[T] = Future()

    def look() -> None:
        try:
            done.set_result(look_up())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(error)

    threading.Thread(target=look, name="look-up", daemon=True).start()
    return done.result(timeout)


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


_NAT64 = IPv6Network("64:ff9b::/96")
#: every IPv6 address that a server can have; what is not in here is unspecified, multicast, reserved or past
_SERVERS = _networks("2000::/3", "fc00::/7", "fe80::/10", "::1/128")
#: no server: this network, multicast, reserved and broadcast; 6to4 and Teredo, which hide an IPv4 address
_NOWHERE = _networks("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "2002::/16", "2001::/32")
#: link-local, and where clouds (AWS, Alibaba, Oracle, Azure, Google, Scaleway) answer beyond it
_METADATA = _networks(
    *("169.254.0.0/16", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", "fe80::/10"),
    *("fd00:ec2::/32", "fd00:c1::a9fe:a9fe/128", "fd20:ce::254/128", "fd00:42::42/128"),
)
#: not public, whatever this version of Python holds of them: protocol assignments, relays, documentation
_NOT_PUBLIC = _networks("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")


def _check_ip(ip: IP, place: Place, allowed: bool) -> None:
    meant = _meant(ip)
    written = _written(place)
    if _in(meant, _NOWHERE) or (meant.version == 6 and not _in(meant, _SERVERS)):
        raise BadAddress(
            f"webhook_url leads to {written}, whose IP address no server can have: check the host"
        )
    if _in(meant, _METADATA) and not (allowed and place[0] == str(ip)):
        raise BadAddress(
            f"webhook_url leads to {written}, which is link-local or the metadata of a cloud: "
            "`webhook_allow` opens that only for an IP address, never for a name"
        )
    if not allowed and (not meant.is_global or _in(meant, _NOT_PUBLIC)):
        raise BadAddress(
            f"webhook_url leads to {written}, which has a private address: "
            f"if that is meant, add {written} to the setting `webhook_allow`"
        )


def _meant(ip: IP) -> IP:
    """The IPv4 address that an IPv6 one stands for, where the system or a NAT64 would go there."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip in _NAT64:
            return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip


def _in(ip: IP, networks: Sequence[Network]) -> bool:
    return any(ip in network for network in networks)


def _check_is_usual(scheme: str, place: Place) -> None:
    """What only a named exception may do without."""
    host, port = place
    add = f"add {_written(place)} to the setting `webhook_allow`"
    if ":" in host:
        raise BadAddress(f"webhook_url has an IPv6 address for a host: use a name, or {add}")
    if port not in USUAL_PORTS:
        usual = ", ".join(map(str, USUAL_PORTS))
        raise BadAddress(f"webhook_url has the port {port}: use one of {usual}, or {add}")
    if scheme != "https":
        raise BadAddress(f"webhook_url is not encrypted: use https://, or {add}")


def _written(place: Place) -> str:
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class BadAddress(WorkbenchError):
    """The workbench does not send to that address."""
