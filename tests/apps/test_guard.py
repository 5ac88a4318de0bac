"""The door, tried from outside: a real server on 127.0.0.1 with a small app behind it."""

import asyncio
import http.client
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
import uvicorn
from fastapi import Depends, FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from apps.rest.guard import Guard, caller_of, check_bind
from apps.rest.login import router, same_site
from tests.workbench.test_access import SECRET, Clock, Rows
from workbench.access import SESSION, Caller, Keys, Limits, Scope
from workbench.errors import BadSetting

type Sent = dict[str, str]
words = str.split
TOKEN, PUBLIC = "the-token-of-this-run", "https://wb.example"
METHODS = words("GET HEAD OPTIONS POST PUT PATCH DELETE TRACE BREW")
PATHS = words("""/ /metrics /openapi.json /docs /static/page.js /episodes/one/files/clips/one.mp4 /uploads
/uploads/7 /async/jobs /async/events /keys /nothing""")
ODD = words(r"""//metrics ///metrics /metrics/ /METRICS /%6detrics /metrics%2f /metrics;x /metrics?x
/./metrics /login/../metrics /login/%2e%2e/metrics /login%2f..%2fmetrics /healthz/../metrics
/login/ /login/metrics /healthz/ /healthz//metrics /healthz%00/metrics /login\..\metrics
/static/../metrics /static/%2e%2e/metrics /..;/metrics http://127.0.0.1/metrics
http://localhost/healthz/../metrics * /metrics#/healthz /Login //login /metrics?next=/login
/metrics%3f/healthz /%2fmetrics /healthz%23/metrics //evil.example/login""")
CLAIMS = """X-Workbench-Caller: admin|X-Workbench-Scope: admin|X_Workbench_Caller: admin|Host: localhost
X-Forwarded-For: 127.0.0.1|X-Real-IP: ::1|X-Forwarded-Host: localhost|Forwarded: for=127.0.0.1|Origin: null
X-Original-URL: /healthz|X-Rewrite-URL: /login|X-HTTP-Method-Override: GET|Sec-Fetch-Site: same-origin
Authorization: {gone}|Authorization: Bearer {gone}|X-API-Key: {gone}|X-API-Key: {key}, {key}|X-API-Key: wb_é
Cookie: {name}={over}|Cookie: {name}={strange}|Cookie: {name}=|Cookie: {name}={longer}|Cookie: {name}=é
Cookie: {name}={unsigned}|Cookie: x{name}={good}|Authorization: Bearer|Authorization: Basic {key}
Authorization: Bearer {key}x|Authorization: Bearer the-token-of-this-ruN|Authorization: Basic YWRtaW46YWRt"""
FOREIGN = ["", *words("http://evil.example null http://127.0.0.1:1 file:// http://{host}.no http://[")]
READ = [(method, "/async/jobs", Scope.READ) for method in ("GET", "HEAD", "OPTIONS")]
SUBMIT = [(method, "/async/jobs/7", Scope.SUBMIT) for method in words("POST PUT PATCH DELETE BREW")]
ADMIN = [("POST", at, Scope.ADMIN) for at in words("/keys //keys/7 /KEYS/ /x/../keys /async/webhooks/test")]
OURS = [("Host", name, 200) for name in words("localhost LOCALHOST:80 127.0.0.1:9 [::1]:80 wb.example")]
OTHERS = [
    ("Host", name, 421) for name in words("evil.example localhost.evil x@localhost localhost:x [::2] 0.0.0.0")
]
PROXIED = [(name, "::1", 403) for name in words("X-Forwarded-For X-Forwarded-Host Forwarded X-Real-IP")]
BOTH = "application/json, application/problem+json"
EVIL = words(r"//evil /\evil \/evil \\evil https:evil https://evil javascript:1 evil ///evil /a\b /é")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        websocket.app.state.reached.append({"said": text})
        await websocket.send_text(f"{caller_of(websocket).name}: {text}")


async def ticks(websocket: WebSocket) -> None:
    await websocket.accept()
    with suppress(WebSocketDisconnect):
        while True:
            await websocket.send_text("tick")
            await asyncio.sleep(0.01)
    websocket.app.state.reached.append({"left": "ticks"})


def events(request: Request) -> StreamingResponse:
    async def told() -> AsyncIterator[str]:
        for number in range(1500):
            yield f"data: {number}\n\n"
            await asyncio.sleep(0.01)

    request.app.state.reached.append({})
    return StreamingResponse(told(), media_type="text/event-stream")


def anything(request: Request, caller: Annotated[Caller, Depends(caller_of)]) -> HTMLResponse:
    request.app.state.reached.append(dict(request.headers))
    return HTMLResponse(f"secret for {caller.name}, {caller.scope}")


class Site:
    """A workbench behind its door: an app with a websocket, a stream, files, and a route for all the rest."""

    def __init__(self, folder: Path, failures: int = 10) -> None:
        self.clock, self.failures, self.folder, self.host = Clock(), Limits(failures), folder, ""
        self.keys = Keys(Rows(), SECRET, clock=self.clock)
        self.reached: list[Sent] = []

    def app(self, url: str | None) -> FastAPI:
        app = FastAPI()
        app.state.reached = self.reached
        app.include_router(router(self.keys, self.failures, public_url=url))
        (self.folder / "page.js").write_text("secret")
        app.mount("/static", StaticFiles(directory=self.folder))
        app.add_api_route("/healthz", lambda: "well")
        app.add_api_route("/async/events", events)
        for path, route in (("/async/events", ticks), ("/ui/ws", echo), ("/healthz", echo)):
            app.add_api_websocket_route(path, route)
        app.add_api_route("/{rest:path}", anything, methods=METHODS)
        return app

    @contextmanager
    def serve(
        self, per_minute: int = 9999, url: str | None = None, loopback: bool = True
    ) -> Iterator["Site"]:
        known: Any = {"known_as": ("127.0.0.1", url), "failures": self.failures, "local_token": TOKEN}
        guard = Guard(self.app(url), self.keys, Limits(per_minute), loopback=loopback, **known)
        listening = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{listening.getsockname()[1]}"
        options: Any = {"lifespan": "off", "proxy_headers": False, "timeout_graceful_shutdown": 1}
        server = uvicorn.Server(uvicorn.Config(guard, log_level="error", **options))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join()
            listening.close()

    def key(self, scope: Scope = Scope.ADMIN) -> Sent:
        return {"X-API-Key": self.keys.make(scope, scope)[1]}

    def cookie(self) -> Sent:
        key, _ = self.keys.make("Ann", Scope.ADMIN)
        return {"Cookie": f"{self.keys.cookie_name}={self.keys.session(Caller(key.key_id, '', Scope.ADMIN))}"}

    def ask(self, method: str, path: str, headers: Any = None, **more: Any) -> httpx2.Response:
        return httpx2.request(method, f"http://{self.host}{path}", headers=headers, verify=False, **more)

    def login(self, key: str, target: str = "", **headers: str) -> httpx2.Response:
        return self.ask("POST", "/login", headers, data={"key": key, "next": target})

    def socket(self, path: str, headers: Sent | None = None) -> ClientConnection:
        return connect(f"ws://{self.host}{path}", additional_headers=headers, proxy=None)

    def takes_socket(self, path: str, headers: Sent | None = None) -> bool:
        try:
            with self.socket(path, headers):
                return True
        except InvalidStatus as refused:
            return refused.response.status_code != 403


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Open: no key has been made yet. `https://wb.example` is the address that is set."""
    with Site(tmp_path).serve(url=PUBLIC) as site:
        yield site


@pytest.fixture(scope="module")
def shut(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Closed, for all the tests that only knock."""
    with Site(tmp_path_factory.mktemp("shut"), failures=9999).serve() as site:
        site.key()
        yield site


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_without_a_login_nothing_can_be_reached(shut: Site, method: str, path: str):
    answer = shut.ask(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    page = shut.ask(method, path, {"Accept": "text/html"})
    assert page.status_code == (303 if method == "GET" else 401)
    assert shut.reached == []


@pytest.mark.parametrize("accept", ["*/*", "text/html"])
@pytest.mark.parametrize("method", ["GET", "POST", "get"])
@pytest.mark.parametrize("path", ODD)
def test_no_odd_spelling_gets_past_the_door(shut: Site, path: str, method: str, accept: str):
    connection = http.client.HTTPConnection(shut.host, timeout=10)
    connection.request(method, path, headers={"Accept": accept})
    answer = connection.getresponse()
    assert answer.status in (303, 400, 401)
    assert b"secret" not in answer.read()
    assert (answer.getheader("location") or "/login?next=/").startswith("/login?next=/")
    connection.close()
    assert shut.reached == []


@pytest.mark.parametrize("claim", re.split(r"[|\n]", CLAIMS))
def test_nothing_made_up_opens_the_door(shut: Site, claim: str):
    name, good = shut.cookie()["Cookie"].split("=")
    number, key_id, until, sign = good.split(".")
    revoked, gone = shut.keys.make("gone", Scope.ADMIN)
    over = shut.keys.session(Caller(revoked.key_id, "gone", Scope.ADMIN))
    shut.keys.revoke(revoked.key_id)
    strange = Keys(Rows(), SECRET[::-1]).session(Caller(key_id, "admin", Scope.ADMIN))
    longer, unsigned = f"{number}.{key_id}.{int(until) + 9}.{sign}", f"{number}.{key_id}.{until}."
    texts = {"name": name, "good": good, "gone": gone, "over": over, "strange": strange, "longer": longer}
    claimed = claim.format_map(texts | {"unsigned": unsigned, "key": shut.key()["X-API-Key"]})
    header, _, value = claimed.partition(": ")
    for method, path in (("GET", "/metrics"), ("POST", "/uploads"), ("GET", "/async/events")):
        assert shut.ask(method, path, {header: value.encode("latin-1")}).status_code == 401
    assert header == "Host" or not value.isascii() or not shut.takes_socket("/ui/ws", {header: value})
    assert shut.reached == []


def test_a_used_session_gets_newer_cookies_and_an_unused_one_ends(site: Site):
    cookie = site.cookie()
    assert "set-cookie" not in site.ask("GET", "/", cookie).headers
    site.clock.at += SESSION / 2
    newer = {"Cookie": site.ask("GET", "/", cookie).headers["set-cookie"].split(";")[0]}
    site.clock.at += SESSION / 2
    assert site.ask("GET", "/", cookie).status_code == 401
    assert site.ask("GET", "/", newer).status_code == 200


@pytest.mark.parametrize(("method", "path", "least"), [*READ, *SUBMIT, *ADMIN, ("GET", "/keys", Scope.ADMIN)])
def test_each_key_may_do_what_its_scope_says(site: Site, method: str, path: str, least: Scope):
    for scope in Scope:
        answer = site.ask(method, path, site.key(scope))
        assert answer.status_code == (200 if scope >= least else 403)
        assert scope >= least or f'scope="{least}"' in answer.headers["www-authenticate"]


def test_a_websocket_needs_a_login_and_a_page_needs_a_key_that_may_submit(site: Site):
    events, page, submit = site.key(Scope.READ), site.key(Scope.READ), site.key(Scope.SUBMIT)
    assert not any(map(site.takes_socket, ("/async/events", "/healthz")))
    assert not site.takes_socket("/ui/ws", page)
    assert site.takes_socket("/async/events", events)
    with site.socket("/ui/ws", submit) as connection:
        connection.send("hello")
        assert connection.recv() == "submit: hello"


@pytest.mark.parametrize(
    ("sent", "with_cookie", "while_open"),
    [
        ({"Origin": "http://{host}"}, True, True),
        ({"Origin": PUBLIC}, True, True),
        ({"Sec-Fetch-Site": "same-origin"}, True, True),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True, True),
        ({}, False, True),
        *(({"Origin": origin}, False, False) for origin in FOREIGN),
        *(({"Sec-Fetch-Site": origin}, False, False) for origin in ("cross-site", "same-site", "none")),
        ({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, False, False),
    ],
)
def test_a_page_of_another_site_changes_nothing(site: Site, sent: Sent, with_cookie: bool, while_open: bool):
    sent = {name: value.format(host=site.host) for name, value in sent.items()}
    assert site.ask("GET", "/async/jobs", sent).status_code == 200
    assert site.ask("POST", "/async/jobs", sent).status_code == (200 if while_open else 403)
    assert site.takes_socket("/ui/ws", sent) is while_open
    assert site.ask("POST", "/async/jobs", sent | site.key()).status_code == 200
    cookie = site.cookie()
    assert site.ask("POST", "/async/jobs", sent | cookie).status_code == (200 if with_cookie else 403)
    assert site.takes_socket("/ui/ws", sent | cookie) is with_cookie
    twice = [*cookie.items(), *sent.items(), ("Origin", "http://evil.example")]
    assert site.ask("POST", "/async/jobs", twice).status_code == 403


@pytest.mark.parametrize(("name", "value", "status"), [*OURS, *OTHERS, ("Host", "", 421), *PROXIED])
def test_while_open_only_this_machine_under_its_own_names_is_answered(
    site: Site, name: str, value: str, status: int
):
    assert site.ask("GET", "/metrics", {name: value}).status_code == status
    assert site.ask("GET", "/metrics", {name: value} | site.key()).status_code == 200


@pytest.mark.parametrize("revoked", [True, False])
def test_what_is_open_for_long_ends_with_its_key_or_with_the_first_key(site: Site, revoked: bool):
    key = site.key() if revoked else None
    stream = httpx2.stream("GET", f"http://{site.host}/async/events", headers=key)
    with (
        site.socket("/ui/ws", key) as connection,
        site.socket("/async/events", key) as ticks,
        stream as answer,
    ):
        told = answer.iter_raw()
        assert next(told)
        site.keys.revoke(site.keys.keys()[0].key_id) if revoked else site.key()
        assert len(list(told)) < 200
        connection.send("hello")
        with pytest.raises(ConnectionClosed, match="4401"):
            connection.recv()
        with pytest.raises(ConnectionClosed, match="4401"):
            [ticks.recv() for _ in range(500)]
    while {"left": "ticks"} not in site.reached:  # the app is told too, a moment later
        time.sleep(0.01)
    assert {"said": "hello"} not in site.reached


def test_it_is_open_to_this_machine_until_the_first_key(site: Site):
    assert site.ask("POST", "/async/jobs").text == "secret for anyone on this machine, admin"
    assert site.ask("GET", "/login?next=/jobs").headers["location"] == "/jobs"
    site.key()
    assert site.ask("GET", "/metrics").status_code == 401
    assert site.ask("GET", "/healthz").json() == "well"


def test_the_app_learns_who_asks_and_nothing_that_a_client_made_up(site: Site):
    key = site.keys.make("Zoë & co", Scope.READ)[1]
    sent = {"X-API-Key": key, "X-Workbench-Caller": "root", "X_Workbench_Scope": "admin"}
    assert site.ask("GET", "/", sent).text == "secret for Zoë & co, read"
    told = {name: value for name, value in site.reached[-1].items() if "workbench" in name.lower()}
    who = f"Zo%C3%AB%20%26%20co%20%28{key[3:15]}%29"
    assert told == {"x-workbench-caller": who, "x-workbench-scope": "read"}
    token = {"Authorization": f"bearer {TOKEN}"}
    assert site.ask("DELETE", "/keys/7", token).text == "secret for command line, admin"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "workbench.example"])
def test_what_others_can_reach_is_never_open(site: Site, host: str):
    with pytest.raises(BadSetting, match=r"`host`.*`workbench keys NAME`"):
        check_bind(host, keys_needed=False)
    check_bind(host, keys_needed=True)
    check_bind("127.0.0.1", keys_needed=False)
    with site.serve(loopback=False):
        assert site.ask("GET", "/metrics").status_code == 401
        assert not site.takes_socket("/ui/ws")


@pytest.mark.parametrize(
    ("accept", "kind"), [("*/*", "problem+json"), ("application/json", "json"), (BOTH, "p")]
)
def test_a_refusal_is_a_problem_that_says_what_to_do(shut: Site, accept: str, kind: str):
    answer = shut.ask("POST", f"/uploads/7?key={shut.key()['X-API-Key']}", {"Accept": accept})
    assert answer.headers["content-type"].startswith(f"application/{kind}")
    told = {"type": "about:blank", "title": "Unauthorized", "status": 401, "instance": "/uploads/7"}
    assert answer.json() == told | {"retryable": False, "detail": answer.json()["detail"]}
    assert "addresses are logged: send it as a header" in answer.json()["detail"]


def test_who_asks_too_often_waits_a_moment_and_holds_up_nobody_else(tmp_path: Path):
    with Site(tmp_path).serve(per_minute=60) as site:
        one, two = site.key(), site.key()
        first, *others = (site.ask("GET", "/", one) for _ in range(80))
        assert first.headers["ratelimit-policy"] == '"minute";q=60;w=60'
        assert first.headers["ratelimit"] == '"minute";r=59'
        held = next(answer for answer in others if answer.status_code != 200)
        assert (held.status_code, held.headers["retry-after"]) == (429, "1")
        assert held.headers["ratelimit"] == '"minute";r=0;t=1'
        assert held.json()["retryable"] is True
        assert site.ask("GET", "/", two).status_code == 200
        time.sleep(1)
        assert site.ask("GET", "/", one).status_code == 200


def test_wrong_keys_are_slowed_down_and_lock_nobody_out(site: Site):
    good, wrong = site.key(), {"X-API-Key": "wb_no"}
    assert {site.ask("GET", "/", wrong).status_code for _ in range(5)} == {401}
    assert {site.login("wb_no").status_code for _ in range(5)} == {401}
    assert int(site.ask("GET", "/", wrong).headers["retry-after"]) in (5, 6)
    assert re.search(r"Try again in [56] seconds", site.login("wb_no").text)
    assert site.ask("GET", "/", good).status_code == 200


def test_a_person_logs_in_goes_where_they_wanted_and_logs_out(site: Site):
    key = site.key(Scope.SUBMIT)["X-API-Key"]
    asked = site.ask("GET", "/jobs?status=failed&x=%2f", {"Accept": "text/html,*/*"})
    assert asked.headers["location"] == "/login?next=/jobs%3Fstatus%3Dfailed%26x%3D%252f"
    page = site.ask("GET", asked.headers["location"])
    assert 'name="next" value="/jobs?status=failed&amp;x=%2f"' in page.text
    answer = site.login(f" {key} ", "/jobs?status=failed&x=%2f", Origin=PUBLIC)
    assert (answer.status_code, answer.headers["location"]) == (303, "/jobs?status=failed&x=%2f")
    cookie, _, attributes = answer.headers["set-cookie"].partition("; ")
    assert attributes == "Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure"
    mine = {"Cookie": f"a=b; {cookie}", "Origin": PUBLIC}
    assert site.ask("POST", "/async/jobs", mine).text == "secret for submit, submit"
    assert site.ask("POST", "/logout", mine | {"Origin": "http://evil.example"}).status_code == 403
    assert "Max-Age=0" in site.ask("POST", "/logout", mine).headers["set-cookie"]
    assert site.ask("GET", "/", mine).status_code == 401


@pytest.mark.parametrize(
    "target", [*EVIL, "", "/\t/evil", "/\n/evil", " //evil", "/a\r\nSet-Cookie: x", "/\0"]
)
def test_a_login_never_sends_people_to_another_site(shut: Site, target: str):
    assert not same_site(target)
    assert all(map(same_site, words("/ /jobs /a?b=c#d /%2f%2fevil")))
    answer = shut.login(shut.key()["X-API-Key"], target)
    assert answer.headers["location"] == "/"
    assert "Secure" not in answer.headers["set-cookie"]


def test_a_wrong_key_is_said_on_the_page_which_runs_and_loads_nothing(shut: Site):
    page = shut.login("<script>alert(1)</script>", '"><script>')
    assert page.status_code == 401
    assert 'role="alert">That is not a key of this workbench' in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert shut.login("x" * 9000).status_code == 413
    assert shut.login("wb_no", Origin="http://evil.example").status_code == 403
