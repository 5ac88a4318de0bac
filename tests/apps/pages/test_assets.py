"""What a page is made of is named once, fetched once and kept by the browser."""

import re
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from tests.apps.conftest import Reviewed
from tests.apps.pages.conftest import Open
from tests.apps.served import Guarded, Server

HTML = {"accept": "text/html"}
KEPT_FOR_GOOD = "private, max-age=31536000, immutable"


def scripts(server: Guarded, page: str) -> list[str]:
    text = server.client.get(page, headers=HTML).text
    return [urljoin(page, each) for each in re.findall(r'<script[^>]* src="([^"]+)"', text)]


@pytest.mark.parametrize("page", ["/app/jobs", "/app/jobs/1"])
def test_every_script_of_a_page_is_there_and_is_kept_until_there_is_another_version(
    guarded: Guarded, page: str
):
    found = scripts(guarded, page)
    assert len(found) > 3
    for address in found:
        answer = guarded.client.get(address)
        assert answer.status_code == 200, address
        assert "?" in address
        assert answer.headers["cache-control"] == KEPT_FOR_GOOD


def test_a_page_itself_is_never_kept(guarded: Guarded):
    assert guarded.client.get("/app/jobs", headers=HTML).headers["cache-control"] == "no-store"


def test_what_is_not_there_is_not_kept_either(guarded: Guarded):
    answer = guarded.client.get("/static/js/nothing.js?v=1")
    assert answer.status_code == 404
    assert "cache-control" not in answer.headers


def test_a_page_names_the_theme_and_the_transcript_before_its_scripts_ask_for_them(reviewed: Reviewed):
    client, preload = reviewed.server.client, '<link rel="preload" as="fetch" crossorigin href="([^"]+)">'
    for _ in range(2):  # the first and the second of its kind, which come in other ways
        page = client.get(reviewed.page, headers=HTML)
        words, (theme,) = re.findall(preload, page.text), re.findall("<([^>]+)>", page.headers["link"])
        assert words == [f"/episodes/{reviewed.episode_id}/heard.json"]
        assert [client.get(address).status_code for address in (*words, theme)] == [200, 200]
    assert not re.findall(preload, client.get("/app/jobs", headers=HTML).text)


def fetched(page: Page) -> set[str]:
    """The scripts that the browser did not have yet."""
    return set(
        page.evaluate(
            """() => performance.getEntriesByType("resource")
                .filter(each => each.transferSize && new URL(each.name).pathname.endsWith(".js"))
                .map(each => new URL(each.name).pathname)"""
        )
    )


def test_a_browser_fetches_the_scripts_once(fresh: Server, visit: Open):
    page = visit(fresh, "/app/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    assert {"/static/js/bokeh.min.js"} <= fetched(page)
    page.goto(f"{fresh.facts['url']}/app/library")
    expect(page.get_by_role("heading", level=1)).to_have_text("Library")
    page.goto(f"{fresh.facts['url']}/app/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    assert fetched(page) == set()
