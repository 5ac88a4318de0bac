"""One delivery attempt against real servers: kind, unkind and hostile ones, over HTTP and TLS."""

import base64
import itertools
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.workbench.receivers import Receiver, Script, Start, new_secret, says, writes
from tests.workbench.receivers import receiver as receiver
from workbench.addresses import checked
from workbench.errors import BadSetting
from workbench.webhook import (
    MOST_READ,
    Answer,
    Request,
    _headers,
    _missing,
    check_header,
    check_secret,
    deliver,
    retry_in,
    sign,
)

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SECRET = new_secret()
BODY = json.dumps({"type": "job.completed", "job_id": "1", "title": "Où — \N{SNOWMAN}"}).encode()


def request_to(url: str, **changes: Any) -> Request:
    return replace(Request(url, "msg_1", BODY, SECRET), **changes)


def told(receiver: Receiver, path: str = "/hook", **how: Any) -> Answer:
    """What comes of telling `receiver`, which is allowed by its address."""
    request = request_to(f"http://{receiver.place}{path}")
    return deliver(request, [receiver.place], **{"now": NOW, "timeout": 5.0} | how)


def means(*ips: str) -> Callable[..., list[tuple[Any, ...]]]:
    """A resolver by which every name means `ips`."""
    return lambda host, port, **_: [(0, 0, 0, "", (ip, port)) for ip in ips]


def test_path_and_body_arrive_byte_for_byte_and_the_receiver_can_verify_them(receiver: Start):
    there = receiver(says(200))
    path = "/webhook-waiting/231/../%7e?signature=00ff%2Fab&&x=?"
    answer = told(there, path, now=datetime.now(UTC))
    (seen,) = there.seen
    assert seen.path == path
    assert answer == Answer(f"{there.place} answered 200 OK", delivered=True, status=200)
    assert seen.body == BODY
    assert Webhook(SECRET).verify(seen.body, seen.headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(seen.body, seen.headers)


def test_the_headers_name_the_host_the_sender_and_the_message(receiver: Start):
    there = receiver(says(200))
    request = request_to(f"http://{there.place}/", secret=None, header="Authorization: Bearer a:b")
    assert deliver(request, [there.place], now=NOW).delivered
    headers = there.seen[0].headers
    assert headers.pop("user-agent").startswith("episode-workbench/")
    assert headers == {
        "host": there.place,
        "authorization": "Bearer a:b",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "accept-encoding": "identity",
        "connection": "close",
    }


def test_a_proxy_of_the_environment_is_not_used(receiver: Start, monkeypatch: pytest.MonkeyPatch):
    there, proxy = receiver(says(200)), receiver(says(502))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{proxy.place}")
    assert told(there).delivered
    assert proxy.seen == []


@pytest.mark.parametrize("status", [200, 201, 202, 204, 400, 401, 404, 409, 410, 429, 500, 503, 599])
def test_only_2xx_delivers_and_410_wants_no_other_try(receiver: Start, status: int):
    answer = told(receiver(says(status, b"" if status == 204 else b"{}")))
    assert (answer.delivered, answer.gone, answer.status) == (status < 300, status == 410, status)
    assert f"answered {status}" in answer.reason


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_not_followed(receiver: Start, status: int):
    inner = receiver(says(200))
    answer = told(receiver(says(status, Location=f"http://{inner.place}/admin")))
    assert (answer.delivered, answer.status) == (False, status)
    assert "redirects are not followed" in answer.reason
    assert inner.seen == []


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", 0),
        ("120", 120),
        ("86401", 86_400),
        ("9" * 5000, 86_400),
        ("Tue, 24 Nov 2026 12:02:00 GMT", 120),
        ("Tue, 24 Nov 2026 12:02:00 -0000", 120),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("Sun, 24 Nov 2999 12:00:00 GMT", 86_400),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Tue, 99 Nov 99999 12:00:00 GMT", None),
    ],
)
def test_both_forms_of_retry_after_are_understood(receiver: Start, header: str, wait: float | None):
    assert told(receiver(says(503, Retry_After=header))).retry_after == wait


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "not HTTP"),
        (b"HTTP/1.1 abc\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "not HTTP"),
        (b"HTTP/1.1 200 " + b"x" * 70_000, "not HTTP"),
        (b"HTTP/1.1 799 <script>\r\nContent-Length: 0\r\n\r\n", "answered 799"),
        # what breaks off after a 2xx was taken all the same
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\nshort", "answered 200 OK"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno size\r\n", "answered 200 OK"),
    ],
    ids=["nothing", "ssh", "no status", "many headers", "long line", "new status", "cut off", "bad chunk"],
)
def test_an_answer_that_makes_no_sense_is_said_in_words(receiver: Start, data: bytes, reason: str):
    answer = told(receiver(writes(data)))
    assert answer.reason.endswith(reason)
    assert answer.delivered == ("200 OK" in reason)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (writes(b"", drops=1, every=2), "did not answer within 0.5 s"),
        (writes(b"", drops=400), "did not answer within 0.5 s"),
        (writes(b"HTTP/1.1 200 OK\r\nX-Slow: ", drops=400), "did not answer within 0.5 s"),
        (writes(b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n", drops=400), "answered 200 OK"),
    ],
    ids=["nothing", "status", "headers", "body"],
)
def test_a_slow_server_takes_no_longer_than_the_time_allowed(receiver: Start, script: Script, reason: str):
    there = receiver(script)
    started = time.monotonic()
    answer = told(there, timeout=0.5)
    assert time.monotonic() - started < 1.5
    assert answer.reason == f"{there.place} {reason}"


def test_of_an_endless_body_little_is_read(receiver: Start):
    sent: list[int] = []

    def endless(http: BaseHTTPRequestHandler) -> None:
        http.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(4000):  # 256 MB
            sent.append(http.wfile.write(b"x" * MOST_READ))

    there = receiver(endless)
    assert told(there).delivered
    assert sum(sent) < 64 * MOST_READ  # what was read, and what sockets hold


def test_a_port_on_which_nothing_listens_is_said(receiver: Start):
    there = receiver(says(200))
    there.close()
    assert told(there) == Answer(f"{there.place} refused the connection: nothing listens there")


def test_a_refused_address_is_an_answer_and_no_connection_is_made(receiver: Start):
    there = receiver(says(200))
    answer = deliver(request_to(f"http://{there.place}/"), ["n8n:5678"], now=NOW)
    assert f"add {there.place} to the setting `webhook_allow`" in answer.reason
    assert there.seen == []


def test_a_name_that_comes_to_mean_this_machine_is_refused_at_the_next_try(receiver: Start):
    meanings = itertools.chain([means("93.184.216.34")], itertools.repeat(means("127.0.0.1")))
    there = receiver(says(200), port=_usual_port())
    url = f"https://rebind.example:{there.port}/"
    assert checked(url, (), resolve=lambda *at, **_: next(meanings)(*at)).ip == "93.184.216.34"
    answer = deliver(request_to(url), (), now=NOW, resolve=lambda *at, **_: next(meanings)(*at))
    assert "private address" in answer.reason
    assert there.seen == []


def _usual_port() -> int:
    """A port on which an address needs no exception, so that only the IP can be the reason."""
    for port in (8443, 8080):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    pytest.skip("another program has the ports 8080 and 8443 of this machine")


def test_between_the_check_and_the_connection_no_name_is_looked_up_again(receiver: Start):
    there = receiver(says(200))
    looked_up = iter([means("127.0.0.1")])  # a second look-up would end in StopIteration
    place = f"only-here.example:{there.port}"
    request = request_to(f"http://{place}/")
    answer = deliver(request, [place], now=NOW, resolve=lambda *at, **_: next(looked_up)(*at))
    assert answer.delivered
    assert there.seen[0].headers["host"] == place


def test_a_name_server_that_says_nothing_takes_no_longer_than_the_time_allowed(receiver: Start):
    there, answers = receiver(says(200)), threading.Event()

    def hangs(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        answers.wait()
        return means("127.0.0.1")(host, port)

    place = f"slow.example:{there.port}"
    started = time.monotonic()
    answer = deliver(request_to(f"http://{place}/"), [place], now=NOW, timeout=0.3, resolve=hangs)
    answers.set()
    assert time.monotonic() - started < 1.5
    assert "could not be looked up within 0.3 s" in answer.reason
    assert there.seen == []


@pytest.mark.parametrize(("allow", "sent"), [([], False), (["n8n.example:443"], True)])
def test_a_password_goes_only_to_receivers_that_are_named(allow: list[str], sent: bool):
    request = request_to("https://n8n.example/hook", header="Authorization: Bearer abc")
    address = checked(request.url, allow, means("93.184.216.34"))
    assert ("Authorization" in _headers(request, address, NOW)) == sent
    hint = "add n8n.example:443 to the setting `webhook_allow`"
    assert (hint in _missing(request, address, 401)) == (not sent)
    assert _missing(request, address, 200) == ""


def test_where_one_address_of_a_host_is_deaf_the_next_is_tried(receiver: Start):
    there = receiver(says(200))
    place = f"n8n:{there.port}"
    found = means("127.0.0.9", "::1", "127.0.0.1")
    assert deliver(request_to(f"http://{place}/"), [place], now=NOW, resolve=found).delivered


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and key of `receiver.example`, which only who is told so trusts."""
    if not shutil.which("openssl"):
        pytest.skip("this machine has no openssl to make a certificate with")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test"
    names = ["-addext", "subjectAltName=DNS:receiver.example", "-keyout", str(file), "-out", str(file)]
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    return file


@pytest.mark.parametrize(
    ("host", "trusted", "reason"),
    [
        ("receiver.example", True, "answered 200 OK"),
        ("other.example", True, "certificate that cannot be trusted: Hostname mismatch"),
        ("127.0.0.1", True, "certificate that cannot be trusted: IP address mismatch"),
        ("receiver.example", False, "certificate that cannot be trusted: self-signed"),
    ],
)
def test_the_certificate_is_checked_for_the_host_while_the_ip_is_pinned(
    receiver: Start, certificate: Path, host: str, trusted: bool, reason: str
):
    asked: list[str | None] = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    tls.sni_callback = lambda _, name, __: asked.append(name)
    there = receiver(says(200), tls=tls)
    trust = ssl.create_default_context(cafile=certificate) if trusted else None
    place = f"{host}:{there.port}"
    request = request_to(f"https://{place}/hook")
    answer = deliver(request, [place], now=NOW, resolve=means("127.0.0.1"), ssl_context=trust)
    assert reason in answer.reason
    assert asked == [None if host == "127.0.0.1" else host]
    assert [seen.headers["host"] for seen in there.seen] == ([place] if answer.delivered else [])


def test_the_example_of_the_standard_is_signed_as_there():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "secret",
    [
        *("", "whsec_", "swordfish", "whsec_é", new_secret()[6:], new_secret() + "\n"),
        *(f"{SECRET} swordfish", f"{SECRET},", f"{SECRET} {SECRET} {SECRET}"),
        *("whsec_" + base64.b64encode(bytes(size)).decode() for size in (23, 65)),
    ],
)
def test_what_is_no_secret_is_a_bad_setting_that_does_not_show_it(secret: str):
    with pytest.raises(BadSetting, match="`webhook_secret` must be whsec_ and the base64"):
        check_secret(secret)


def test_a_key_of_24_to_64_bytes_is_taken_with_and_without_padding():
    for size in (24, 25, 64):
        secret = "whsec_" + base64.b64encode(bytes(size)).decode()
        assert check_secret(secret) == check_secret(secret.rstrip("=")) == (bytes(size),)


@pytest.mark.parametrize("between", [" ", ",", ", "])
def test_while_a_secret_is_changed_a_receiver_may_know_either(receiver: Start, between: str):
    there, new, old = receiver(says(200)), new_secret(), new_secret()
    request = request_to(f"http://{there.place}/", secret=f"{new}{between}{old}")
    assert deliver(request, [there.place], now=datetime.now(UTC)).delivered
    (seen,) = there.seen
    assert len(seen.headers["webhook-signature"].split(" ")) == 2
    for secret in (new, old):
        assert Webhook(secret).verify(seen.body, seen.headers) == json.loads(BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(seen.body, seen.headers)


@pytest.mark.parametrize(
    "header",
    ["", "Name", ": x", "A b: c", "X: ", "X: a\r\nY: b", "X\n: a", "Host: n8n", "webhook-id: 1", "X: é"],
)
def test_a_header_that_could_change_the_request_is_a_bad_setting(header: str):
    with pytest.raises(BadSetting, match="`webhook_header`"):
        check_header(header)
    request = request_to("https://n8n/", header=header)
    answer = deliver(request, ["n8n:443"], now=NOW, resolve=means("127.0.0.1"))
    assert "`webhook_header`" in answer.reason


@pytest.mark.parametrize("message_id", ["", "a.b", "a b", "a\r\nb"])
def test_an_id_that_could_not_be_signed_is_refused(message_id: str):
    with pytest.raises(ValueError, match="not a message id"):
        request_to("https://example.com/", message_id=message_id)


def test_tries_come_early_and_often_and_then_for_days():
    waits = [retry_in(tries, chance=0) for tries in range(1, 16)]
    assert waits[:8] == [1, 2, 5, 10, 30, 60, 5 * 60, 30 * 60]
    assert waits[8:] == [*(3600 * hours for hours in (2, 5, 10, 14, 20, 24)), None]
    assert retry_in(4, chance=1) == pytest.approx(11)
    with pytest.raises(ValueError, match="not a number of tries"):
        retry_in(0, chance=0)
