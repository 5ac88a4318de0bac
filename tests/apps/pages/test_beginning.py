"""A browser gets what all pages begin with while the server still makes the page."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import anyio
import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from apps.pages import assets
from apps.pages.beginning import Beginnings, is_page
from apps.rest.metrics import Answer
from tests.apps.served import Guarded

HEAD, REST = b"<html><head><script src=x></script></head><body>", b"<main>words</main></body></html>"
WORDS = "/episodes/talk/heard.json"

type Made = Callable[[Scope, Receive, Send], Awaitable[None]]


def asked(path: str = "/app/jobs", cookie: str = "", method: str = "GET", query: bytes = b"") -> Scope:
    headers = [(b"cookie", cookie.encode())] if cookie else []
    return {"type": "http", "method": method, "path": path, "headers": headers, "query_string": query}


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})
    await send({"type": "http.response.body", "body": HEAD, "more_body": True})
    await send({"type": "http.response.body", "body": REST})


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise ZeroDivisionError


async def nothing() -> Message:
    raise AssertionError("nobody reads the request")


class Told(list[Message]):
    """What an answer consisted of."""

    async def __call__(self, message: Message) -> None:
        self.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(each.get("body", b"") for each in self)


class Changing:
    """Makes pages in a way that can be changed."""

    def __init__(self) -> None:
        self.makes: Made = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.makes(scope, receive, send)


async def answered(pages: Beginnings, scope: Scope) -> Told:
    told = Told()
    await pages(scope, nothing, told)
    return told


def test_the_beginning_comes_while_the_page_is_still_made():
    async def run() -> None:
        app, told, may_go_on = Changing(), Told(), anyio.Event()
        pages = Beginnings(app)
        assert (await answered(pages, asked())).body == HEAD + REST

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            await may_go_on.wait()
            assets.soon(WORDS)
            await page(scope, receive, send)

        app.makes = slow
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pages, asked("/app/library"), nothing, told)
            await anyio.wait_all_tasks_blocked()
            assert told.body == HEAD
            assert told[-1]["more_body"]
            may_go_on.set()
        preload = f'<link rel="preload" as="fetch" crossorigin href="{WORDS}">'.encode()
        assert told.body == HEAD + preload + REST
        assert not told[-1]["more_body"]

    anyio.run(run)


def test_pages_that_lie_deeper_or_are_dark_begin_in_their_own_way():
    async def run() -> None:
        app = Changing()
        pages = Beginnings(app)
        await answered(pages, asked())
        for other in (asked("/app/jobs/1"), asked(cookie="workbench_theme=dark")):
            assert len(await answered(pages, other)) == 2  # made, and then sent
            assert len(await answered(pages, other)) == 3

    anyio.run(run)


def test_a_page_that_was_asked_for_with_more_than_its_address_shows_nobody_how_others_begin():
    async def run() -> None:
        app = Changing()
        pages = Beginnings(app)
        assert (await answered(pages, asked(query=b"q=ships"))).body == HEAD + REST
        assert len(await answered(pages, asked())) == 2
        assert len(await answered(pages, asked(query=b"q=ships"))) == 3

    anyio.run(run)


@pytest.mark.parametrize("status", [403, 500])
def test_a_page_that_cannot_be_made_says_so_below_what_was_sent(status: int):
    async def refused(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"secret details"})

    async def run() -> None:
        app = Changing()
        pages = Beginnings(app)
        app.makes = refused
        first = await answered(pages, asked())
        assert (first[0]["status"], first.body) == (status, b"secret details")
        app.makes = page
        await answered(pages, asked())
        app.makes = refused
        told = await answered(pages, asked())
        assert told.body.startswith(HEAD)
        assert b"cannot be shown" in told.body
        assert b"secret" not in told.body
        assert not told[-1]["more_body"]

    anyio.run(run)


def test_an_error_ends_the_page_and_goes_on_to_the_log():
    async def run() -> None:
        app, told = Changing(), Told()
        pages = Beginnings(app)
        await answered(pages, asked())
        app.makes = broken
        with pytest.raises(ZeroDivisionError):
            await pages(asked(), nothing, told)
        assert b"cannot be shown" in told.body
        assert not told[-1]["more_body"]

    anyio.run(run)


@pytest.mark.parametrize("makes", [page, None])
def test_what_became_of_a_page_is_counted_when_it_ends(makes: Made | None):
    """One that cannot be made is an error of the server, though its beginning said that all is well."""

    async def run() -> Answer:
        app, answer = Changing(), Answer()
        pages = Beginnings(app)
        await answered(pages, asked())
        app.makes = makes or broken
        with suppress(ZeroDivisionError):
            await pages({**asked(), "workbench.answer": answer}, nothing, Told())
        return answer

    answer = anyio.run(run)
    assert (answer.status, answer.is_ahead) == (200 if makes else 500, True)


@pytest.mark.parametrize("path", ["/app/jobs", "/app/jobs/1", "/app/episodes/a b", "/app/system"])
def test_pages_are_known_by_their_address(path: str):
    assert is_page(asked(path))
    assert not is_page(asked(path, method="HEAD"))


@pytest.mark.parametrize("path", ["/app/jobs/", "/app/jobs/ws", "/app/jobs/1/ws", "/app/x", "/app", "/x"])
def test_nothing_else_begins_as_pages_do(path: str):
    assert not is_page(asked(path))


@pytest.mark.parametrize("cookie", ["", "workbench_theme=dark"])
def test_a_real_page_is_whole_both_ways(guarded: Guarded, cookie: str):
    headers = {"accept": "text/html", "cookie": cookie}
    texts = [guarded.client.get("/app/jobs", headers=headers).text for _ in range(3)]
    heads = {text.partition("<body>")[0] for text in texts}
    assert len(heads) == 1
    assert "bokeh.min.js" in heads.pop()
    for text in texts:
        assert [text.count(each) for each in ("<html", "<body>", "</html>", '"token":')] == [1, 1, 1, 1]


def test_nobody_decides_what_others_get(guarded: Guarded):
    """Panel writes some parameters of an address into what pages begin with."""
    evil = '"><script>alert(1)</script>'
    given = {"bokeh-absolute-url": evil, "theme": "dark", "BOKEH-ABSOLUTE-URL": evil}
    for page in ("/app/system", "/app/jobs/1"):
        plain = guarded.client.get(page, headers={"accept": "text/html"}).text
        answers = [
            guarded.client.get(page, headers={"accept": "text/html"}, params=asked_for).text
            for asked_for in (given, {}, {"bokeh-absolute-url": "https://evil.example/app/jobs"}, {})
        ]
        assert {text.partition("<body>")[0] for text in answers} == {plain.partition("<body>")[0]}
        assert not [text for text in answers if "alert(1)" in text or "evil.example" in text]


def test_who_is_not_logged_in_gets_no_beginning_either(guarded: Guarded):
    for _ in range(2):
        guarded.client.get("/app/jobs", headers={"accept": "text/html"})
    answer = httpx2.get(f"{guarded.client.base_url}/app/jobs", headers={"accept": "text/html"})
    assert (answer.status_code, answer.text) == (303, "")
