"""The pages are behind the same door as everything else, and load nothing from elsewhere."""

from collections.abc import Iterator

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.apps.served import Guarded

PAGES = ["/app/library", "/app/inbox", "/app/jobs", "/app/jobs/1", "/app/episodes/tone", "/app/system"]
BROWSER = {"accept": "text/html"}


@pytest.fixture
def stranger(guarded: Guarded) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=str(guarded.client.base_url), headers=BROWSER, timeout=60) as client:
        yield client


@pytest.mark.parametrize("path", PAGES)
def test_who_has_no_key_is_led_to_the_login_and_then_to_the_page(stranger: httpx2.Client, path: str):
    answer = stranger.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next={path}"


@pytest.mark.parametrize("path", [*(f"{page}/ws" for page in PAGES)])
def test_nobody_gets_at_a_page_by_its_websocket_alone(guarded: Guarded, path: str):
    url = str(guarded.client.base_url).replace("http", "ws", 1)
    with pytest.raises(InvalidStatus) as refused:
        connect(url + path)
    assert refused.value.response.status_code == 403


def test_scripts_of_the_pages_are_behind_the_door_too(stranger: httpx2.Client):
    assert stranger.get("/static/js/bokeh.min.js", headers={"accept": "*/*"}).status_code == 401


@pytest.mark.parametrize("path", PAGES)
def test_a_page_may_load_nothing_from_another_host(guarded: Guarded, path: str):
    answer = guarded.client.get(path, headers=BROWSER)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "https://" not in answer.text
