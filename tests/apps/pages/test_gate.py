"""Nobody gets a page that was made for somebody else, and no page carries a key."""

import re

import pytest
from bokeh.util.token import generate_jwt_token, get_token_payload
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.apps.served import Guarded

PAGE = "/app/inbox"
ADMIN = {"x-workbench-caller": "boss", "x-workbench-scope": "admin"}


def token_of(server: Guarded, scope: str, query: str = "") -> str:
    """The token in the page that the holder of a key is given."""
    headers = {
        "X-API-Key": server.keys[scope],
        "Accept": "text/html",
        "Cookie": "session=mine; workbench_theme=dark",
    }
    answer = server.client.get(f"{PAGE}{query}", headers=headers)
    assert answer.status_code == 200
    (found,) = re.findall(r'"token":"([^"]+)"', answer.text)
    return str(found)


def opened(server: Guarded, scope: str, token: str) -> ClientConnection:
    url = str(server.client.base_url).replace("http", "ws", 1).rstrip("/")
    key = {"X-API-Key": server.keys[scope]}
    return connect(f"{url}{PAGE}/ws", subprotocols=["bokeh", token], additional_headers=key)


def forged() -> str:
    payload = {"headers": ADMIN, "cookies": {}, "arguments": {}}
    return generate_jwt_token("x", signed=False, extra_payload=payload)


def test_a_page_is_opened_by_whom_it_was_made_for(guarded: Guarded):
    with opened(guarded, "read", token_of(guarded, "read")) as connection:
        assert connection.recv(timeout=20)


def test_a_page_of_an_admin_is_nothing_to_others(guarded: Guarded):
    with pytest.raises(InvalidStatus) as refused:
        opened(guarded, "read", token_of(guarded, "admin"))
    assert refused.value.response.status_code == 403


def test_a_forged_page_is_opened_by_nobody(guarded: Guarded):
    with pytest.raises(InvalidStatus):
        opened(guarded, "read", forged())
    admin = generate_jwt_token("x", signed=False, extra_payload=get_token_payload(token_of(guarded, "admin")))
    with pytest.raises(InvalidStatus):
        opened(guarded, "admin", admin)


@pytest.mark.parametrize("given", [f"?bokeh-token={forged()}", "?bokeh-session-id=known"])
def test_nobody_chooses_the_session_of_a_page(guarded: Guarded, given: str):
    told = token_of(guarded, "read", given)
    assert get_token_payload(told)["headers"]["x-workbench-scope"] == "read"
    assert told != token_of(guarded, "read", given)


def test_a_page_carries_neither_the_key_nor_the_session_of_its_reader(guarded: Guarded):
    payload = get_token_payload(token_of(guarded, "read"))
    assert {name.lower() for name in payload["headers"]} == set(ADMIN)
    assert payload["cookies"] == {"workbench_theme": "dark"}
    assert guarded.keys["read"] not in str(payload)


@pytest.mark.parametrize("path", ["autoload.js", "metadata"])
def test_pages_are_not_for_other_sites_to_show(guarded: Guarded, path: str):
    answer = guarded.client.get(f"{PAGE}/{path}", headers={"Origin": "http://evil.example"})
    assert answer.status_code in (403, 404)
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("page", ["/app/jobs/components/", "/app/episodes/components/"])
def test_a_page_with_the_name_of_an_asset_is_a_page_all_the_same(guarded: Guarded, page: str):
    for path in (page, f"{page}?bokeh-session-id=known"):
        answer = guarded.client.get(path, headers={"Accept": "text/html"})
        assert answer.headers["cache-control"] == "no-store"
        assert "script-src" in answer.headers["content-security-policy"]
    closed = guarded.client.get(f"{page}autoload.js?bokeh-autoload-element=x&bokeh-app-path=%22evil")
    assert closed.status_code == 404
    assert "evil" not in guarded.client.get("/app/jobs/1", headers={"Accept": "text/html"}).text
