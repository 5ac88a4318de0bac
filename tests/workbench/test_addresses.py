"""Which addresses the workbench sends to, and which it does not however they are written."""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workbench.addresses import LONGEST, BadAddress, allow_list, checked
from workbench.errors import BadSetting

PUBLIC = "93.184.216.34"
NAMES = {
    "example.com": [PUBLIC],
    "both.example": ["2606:2800:220:1::1", PUBLIC],
    "xn--fa-hia.example": [PUBLIC],
    "xn--bcher-kva.example": [PUBLIC],
    "only6.example": ["64:ff9b::5db8:d822"],  # a public IPv4 address behind a NAT64
    "n8n": ["172.18.0.3"],
    "my_n8n": ["172.18.0.3"],
    "half.example": [PUBLIC, "10.0.0.8"],
    "metadata.google.internal": ["169.254.169.254"],
    "empty.example": [],
    # IPv6 addresses cannot be written as a host, so the names below stand for whoever runs a DNS server
    "mapped.example": ["::ffff:127.0.0.1"],
    "mapped-metadata.example": ["::ffff:169.254.169.254"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "nat64-metadata.example": ["64:ff9b::a9fe:a9fe"],
    "own-nat64.example": ["64:ff9b:1::a00:1"],
    "sixtofour.example": ["2002:7f00:1::"],
    "teredo.example": ["2001:0:7f00:1::1"],
    "compatible.example": ["::7f00:1"],
    "ula.example": ["fd12:3456::1"],
    "site-local.example": ["fec0::1"],
    "link-local.example": ["fe80::1%lo"],
    "multicast6.example": ["ff0e::1"],
    "unspecified6.example": ["::"],
    "documentation.example": ["2001:db8::1"],
    "aws6.example": ["fd00:ec2::254"],
    "azure.example": ["168.63.129.16"],
}


def resolve(host: str, port: int, **how: Any) -> list[tuple[Any, ...]]:
    """The names above; `localhost` and numbers by the system, and nothing by a name server."""
    if host in NAMES:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in NAMES[host]]
    flags = 0 if host == "localhost" else socket.AI_NUMERICHOST
    return list(socket.getaddrinfo(host, port, flags=flags, **how))


PRIVATE = [
    "https://127.0.0.1/",
    "https://127.255.255.254/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://127.0.0.1./",
    "https://127.1/",
    "https://2130706433/",  # decimal
    "https://0x7f000001/",  # hexadecimal
    "https://0x7f.0.0.0x1/",
    "https://017700000001/",  # octal
    "https://0177.0.0.01/",
    "https://１２７.0.0.1/",  # full width digits
    "https://127。0。0。1/",  # ideographic full stops
    "https://10.0.0.5/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",  # carrier-grade NAT
    "https://192.0.0.1/",
    "https://192.88.99.1/",
    "https://198.18.0.1/",
    "https://192.0.2.1/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::10.0.0.1]/",
    "https://[fd12:3456::1]/",
    "https://n8n/",
    "https://half.example/",  # one public address does not excuse a private one
    "https://mapped.example/",
    "https://nat64.example/",
    "https://ula.example/",
    "https://documentation.example/",
]
METADATA = [
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.170.2/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://metadata.google.internal/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://link-local.example/",
    "https://mapped-metadata.example/",
    "https://nat64-metadata.example/",
    "https://aws6.example/",
    "https://azure.example/",
    "https://100.100.100.200/",
]
NOWHERE = [
    "https://0.0.0.0/",
    "https://0/",
    "https://0.1.2.3/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[2002:7f00:1::]/",
    "https://sixtofour.example/",
    "https://teredo.example/",
    "https://own-nat64.example/",
    "https://compatible.example/",
    "https://site-local.example/",
    "https://multicast6.example/",
    "https://unspecified6.example/",
]
MISWRITTEN = [
    ("file:///etc/passwd", "must begin with https://"),
    ("gopher://example.com:70/_x", "must begin with https://"),
    ("ftp://example.com/", "must begin with https://"),
    ("data:text/plain,x", "must begin with https://"),
    ("javascript:alert(1)", "must begin with https://"),
    ("//example.com/", "must begin with https://"),
    ("example.com/hook", "must begin with https://"),
    ("", "must begin with https://"),
    ("https:example.com", "names no host"),
    ("https:/example.com/", "names no host"),
    ("https:///example.com/", "names no host"),
    ("https://:443/", "names no host"),
    ("https://user@example.com/", "before the host"),
    ("https://user:word@example.com/", "before the host"),
    ("https://example.com@127.0.0.1/", "before the host"),
    ("https://127.0.0.1@example.com/", "before the host"),
    ("https://@example.com/", "before the host"),
    ("https://example.com\\@127.0.0.1/", "backslash"),
    ("https:\\\\example.com/", "backslash"),
    ("https://example.com/\r\nHost: n8n", "control character"),
    ("https://exam\tple.com/", "control character"),
    ("https://example.com/\x00", "control character"),
    (" https://example.com/", "space"),
    ("https://example.com/a b", "space"),
    ("https://example.com/\u2028", "space"),
    ("https://127.0.0.1%00.example.com/", "no name"),
    ("https://127.0.0.1%2f@example.com/", "before the host"),
    ("https://example.com%23@n8n/", "before the host"),
    ("https://example..com/", "no name"),
    ("https://example.com../", "no name"),
    ("https://-example.com/", "no name"),
    (f"https://{'a' * 64}.com/", "no name"),
    ("https://exa<mple>.com/", "no name"),
    ("https://☃\u200d.example/", "cannot be used"),
    ("https://[::1%25eth0]/", "zone id"),
    ("https://[fe80::1%lo]/", "zone id"),
    ("https://[::1/", "not an address"),
    ("https://[1:2]/", "not an address|cannot be used"),
    ("https://example.com:0/", "port 0"),
    ("https://example.com:65536/", "not an address"),
    ("https://example.com:8o/", "not an address"),
    ("https://example.com:-1/", "not an address"),
    ("https://example.com/#@127.0.0.1/", "fragment"),
    ("https://example.com#@127.0.0.1/", "fragment"),
    ("https://example.com/bücher", "beyond ASCII"),
    (f"https://example.com/{'a' * LONGEST}", "at most 2000"),
    ("https://nobody.example/", "cannot be found"),
    ("https://empty.example/", "has no address"),
    ("https://1.2.3.4.5/", "cannot be found"),
]


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_is_refused_however_it_is_written(url: str):
    with pytest.raises(BadAddress, match=r"private address: .* add \S+:443 to the setting `webhook_allow`"):
        checked(url, (), resolve)


@pytest.mark.parametrize("url", METADATA)
def test_what_clouds_tell_their_machines_is_refused(url: str):
    with pytest.raises(BadAddress, match="metadata"):
        checked(url, (), resolve)


@pytest.mark.parametrize("url", NOWHERE)
def test_an_address_that_no_server_has_is_refused(url: str):
    with pytest.raises(BadAddress, match="no server can have"):
        checked(url, (), resolve)


@pytest.mark.parametrize(("url", "reason"), MISWRITTEN)
def test_what_could_be_read_in_two_ways_is_refused(url: str, reason: str):
    with pytest.raises(BadAddress, match=reason):
        checked(url, (), resolve)


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("https://example.com", "example.com", "/"),
        ("https://example.com?a=1", "example.com", "/?a=1"),
        ("https://example.com/?", "example.com", "/?"),
        ("https://EXAMPLE.com.:443/A%2fb/../c?x=%zz&&=", "example.com", "/A%2fb/../c?x=%zz&&="),
        ("https://example.com:8443//x;y?u=http://a@b", "example.com", "//x;y?u=http://a@b"),
        ("https://Bücher.example/", "xn--bcher-kva.example", "/"),
        ("https://faß.example/", "xn--fa-hia.example", "/"),  # IDNA 2003 would go to fass.example
        ("https://only6.example/", "only6.example", "/"),
        ("https://93.184.216.34/", "93.184.216.34", "/"),
    ],
)
def test_a_public_address_is_taken_and_its_path_kept_byte_for_byte(url: str, host: str, target: str):
    address = checked(url, (), resolve)
    assert (address.scheme, address.host, address.target) == ("https", host, target)


def test_all_addresses_of_a_host_are_kept_in_the_order_of_the_look_up():
    address = checked("https://both.example/", (), resolve)
    assert address.ips == ("2606:2800:220:1::1", PUBLIC)
    assert address.ip == "2606:2800:220:1::1"


def test_a_name_is_looked_up_once():
    asked: list[str] = []

    def counted(host: str, port: int, **how: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        return resolve(host, port, **how)

    checked("https://example.com/", (), counted)
    assert asked == ["example.com"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com/", "not encrypted: use https://, or add example.com:80 "),
        ("https://example.com:22/", "port 22.* or add example.com:22 "),
        ("https://example.com:5678/", "port 5678.* or add example.com:5678 "),
        ("https://[2606:2800:220:1::1]/", r"IPv6 .* or add \[2606:2800:220:1::1\]:443 "),
        ("http://n8n:5678/", "private address: .* add n8n:5678 "),
    ],
)
def test_what_a_named_exception_would_open_is_said_with_its_name(url: str, reason: str):
    with pytest.raises(BadAddress, match=reason + "to the setting `webhook_allow`"):
        checked(url, (), resolve)


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://n8n:5678/webhook-waiting/7?signature=ab", "n8n:5678"),
        ("http://N8N.:5678/", "n8n:5678"),
        ("http://n8n:5678/", "N8N:5678"),
        ("http://my_n8n:5678/", "my_n8n:5678"),
        ("http://127.0.0.1:5678/", "127.0.0.1:5678"),
        ("http://localhost:5678/", "localhost:5678"),
        ("http://[::1]:5678/", "[::1]:5678"),
        ("http://[0::1]:5678/", "[::1]:5678"),
        ("http://example.com/", "example.com:80"),
        ("https://nat64.example:9000/", "nat64.example:9000"),
        ("http://169.254.169.254/", "169.254.169.254:80"),
        ("http://[fd00:ec2::254]/", "[fd00:ec2::254]:80"),
    ],
)
def test_a_named_host_and_port_is_let_through(url: str, entry: str):
    assert checked(url, ["other:1", entry], resolve).place == entry.lower()


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("http://n8n:5679/", "n8n:5678"),
        ("http://n8n/", "n8n:5678"),
        ("http://127.0.0.1:5678/", "localhost:5678"),
        ("http://localhost:5678/", "127.0.0.1:5678"),
        ("http://2130706433:5678/", "127.0.0.1:5678"),
        ("http://[::ffff:127.0.0.1]:5678/", "127.0.0.1:5678"),
        ("http://sub.n8n:5678/", "n8n:5678"),
        ("http://metadata.google.internal/", "metadata.google.internal:80"),
        ("http://2852039166/", "2852039166:80"),
        ("http://mapped-metadata.example/", "mapped-metadata.example:80"),
        ("http://azure.example/", "azure.example:80"),
        ("http://0.0.0.0:5678/", "0.0.0.0:5678"),
        ("http://multicast6.example/", "multicast6.example:80"),
    ],
)
def test_an_exception_opens_exactly_what_it_names(url: str, entry: str):
    with pytest.raises(BadAddress):
        checked(url, [entry], resolve)


@pytest.mark.parametrize(
    "entry",
    ["n8n", "", ":5678", "n8n:", "n8n:0", "n8n:x", "http://n8n:5678", "n8n:5678/", "*:5678", "a@n8n:1"],
)
def test_an_exception_that_names_no_host_and_port_is_a_bad_setting(entry: str):
    with pytest.raises(BadSetting, match=r"`webhook_allow` .*: write host:port"):
        allow_list([entry])


def _checked_at(ip: IPv4Address | IPv6Address) -> bool:
    """Whether a name that means `ip` is let through."""
    try:
        checked("https://any.example/", (), lambda host, port, **_: [(0, 0, 0, "", (str(ip), port))])
    except BadAddress:
        return False
    return True


@given(st.ip_addresses(v=4))
def test_every_way_to_an_ipv4_address_is_judged_as_that_address(ip: IPv4Address):
    goes = _checked_at(ip)
    assert _checked_at(ip_address(f"::ffff:{ip}")) == goes
    assert _checked_at(ip_address(f"64:ff9b::{ip}")) == goes
    assert not (goes and not ip.is_global)


@given(st.ip_addresses(v=6) | st.ip_addresses(network="2000::/3"))
def test_an_ipv6_address_is_let_through_only_where_servers_have_one(ip: IPv6Address):
    assume(ip not in IPv6Network("64:ff9b::/96") and not ip.ipv4_mapped)  # these mean an IPv4 address
    assert not _checked_at(ip) or (ip.is_global and ip in IPv6Network("2000::/3"))


@given(st.text(max_size=60), st.sampled_from(["", "https://", "https://example.com", "https://127.0.0.1"]))
def test_whatever_is_written_either_goes_somewhere_public_or_is_refused_in_a_sentence(text: str, start: str):
    try:
        address = checked(start + text, (), resolve)
    except BadAddress as error:
        sentence = str(error)
        assert sentence.startswith("webhook_url ")
    else:
        assert ip_address(address.ip).is_global
        assert address.target.startswith("/")
