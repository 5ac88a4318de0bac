"""The system page: what admins change there, and what all others only see."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.apps.pages.conftest import Open
from tests.apps.served import Guarded, Receiver, Server

SOON = 20_000


@pytest.fixture
def system(fresh: Server, visit: Open) -> Page:
    """The system page of a library in which nothing is set yet."""
    page = visit(fresh, "/app/system")
    expect(page.get_by_text("Work may start at any time.")).to_be_visible(timeout=SOON)
    return page


def row(page: Page, table: str, text: str) -> Locator:
    return page.get_by_role("table", name=table).get_by_role("row", name=text)


def file(server: Server) -> dict[str, Any]:
    return tomllib.loads((server.library / "workbench.toml").read_text())


def test_a_schedule_says_when_it_runs_before_it_is_added_and_goes_after_a_question(
    fresh: Server, system: Page
):
    field = system.get_by_label("When, and what")
    field.fill("0 2 * * * proces")
    expect(system.get_by_text("does not say what to do")).to_be_visible()
    field.fill("0 2 * * * process")
    expect(system.get_by_text("Runs next:")).to_contain_text("02:00 (UTC)")
    system.get_by_role("button", name="Add schedule").click()
    expect(row(system, "Schedules", "0 2 * * * process")).to_contain_text("02:00 (UTC)")
    assert file(fresh)["schedules"] == ["0 2 * * * process"]
    expect(field).to_have_value("")
    remove = row(system, "Schedules", "0 2 * * * process").get_by_role("button", name="Remove")
    remove.click()
    row(system, "Schedules", "0 2 * * * process").get_by_role("button", name="Keep it").click()
    expect(remove).to_be_focused()
    remove.click()
    row(system, "Schedules", "0 2 * * * process").get_by_role("button", name="Remove", exact=True).click()
    expect(row(system, "Schedules", "0 2 * * * process")).to_have_count(0)
    assert file(fresh)["schedules"] == []
    done = [(each["action"], each["what"]) for each in fresh.client.get("/audit").json()["entries"]]
    assert done[:2] == [
        ("remove from schedules", "0 2 * * * process"),
        ("add to schedules", "0 2 * * * process"),
    ]


def test_a_maintenance_window_stops_the_running_server_at_once(fresh: Server, system: Page):
    assert fresh.client.get("/readyz").json()["waits_for"] is None
    for window in ("Mon-Sat 00:00-24:00", "Sun 00:00-23:59"):
        system.get_by_label("Days and hours").fill(window)
        system.get_by_role("button", name="Add window").click()
        expect(row(system, "Maintenance windows", window)).to_contain_text("to ")
    assert "maintenance window" in fresh.client.get("/readyz").json()["waits_for"]


def test_what_is_refused_says_why_and_keeps_what_was_typed(system: Page):
    field = system.get_by_label("Days and hours")
    field.fill("daily 00:00-24:00")
    system.get_by_role("button", name="Add window").click()
    expect(system.get_by_text("leave no time for any work").first).to_be_visible()
    expect(field).to_have_value("daily 00:00-24:00")


def test_the_first_key_is_shown_once_and_whoever_made_it_stays_in(fresh: Server, system: Page):
    system.get_by_label("Who or what the key is for").fill("the desk")
    system.get_by_role("button", name="Make key").click()
    secret = system.locator(".secret code")
    expect(secret).to_contain_text("wb_")
    key = secret.inner_text()
    with fresh.client_with(key) as desk:
        (made,) = desk.get("/keys").json()["keys"]
    assert (made["name"], made["scope"]) == ("the desk", "admin")
    system.get_by_role("button", name="I have kept it").click()
    expect(system.get_by_text("Connected again.", exact=True)).to_be_visible(timeout=SOON)
    expect(row(system, "API keys", "the desk")).to_be_visible(timeout=SOON)
    assert key not in system.content()


def test_who_makes_a_key_for_somebody_else_right_after_the_first_stays_who_they_are(
    fresh: Server, browser: Browser
):
    """The page has lost its websocket by then, which Bokeh complains of, and is not loaded anew yet."""
    context = browser.new_context()
    system = context.new_page()
    system.goto(f"{fresh.facts['url']}/app/system")
    secret, shown = system.locator(".secret code"), ""
    for name in ("Clara", "n8n"):
        system.get_by_label("Who or what the key is for").fill(name)
        system.get_by_role("button", name="Make key").click()
        expect(system.locator(".secret strong")).to_have_text(f"The key of {name}")
        shown = shown or secret.inner_text()
    system.get_by_role("button", name="I have kept it").click()
    expect(row(system, "API keys", "n8n")).to_be_visible(timeout=SOON)
    system.get_by_label("When, and what").fill("0 2 * * * process")
    system.get_by_role("button", name="Add schedule").click()
    expect(row(system, "Schedules", "0 2 * * * process")).to_be_visible()
    with fresh.client_with(shown) as clara:
        assert clara.get("/audit").json()["entries"][0]["who"].startswith("Clara")
    context.close()


def test_a_schedule_that_cannot_be_removed_is_not_said_to_be(fresh: Server, system: Page):
    system.get_by_label("When, and what").fill("0 2 * * * process")
    system.get_by_role("button", name="Add schedule").click()
    line = row(system, "Schedules", "0 2 * * * process")
    line.get_by_role("button", name="Remove").click()
    (fresh.library / "workbench.toml").write_text('schedules = ["0 3 * * * process"]\n')
    line.get_by_role("button", name="Remove", exact=True).click()
    expect(system.get_by_text("start the server again first").first).to_be_visible()
    expect(line.get_by_role("button", name="Remove")).to_be_enabled()
    expect(system.get_by_text("Removed:")).to_have_count(0)


def test_a_key_is_revoked_after_a_question(guarded: Guarded, visit: Open):
    page = visit(guarded, "/app/system")
    page.get_by_label("Key").fill(guarded.keys["admin"])
    page.get_by_role("button").click()
    page.get_by_label("Who or what the key is for").fill("a visitor")
    page.get_by_label("It may").select_option("read")
    page.get_by_role("button", name="Make key").click()
    with guarded.client_with(page.locator(".secret code").inner_text()) as visitor:
        assert visitor.get("/async/stats").status_code == 200
        page.get_by_role("button", name="I have kept it").click()
        line = row(page, "API keys", "a visitor")
        line.get_by_role("button", name="Revoke").click()
        expect(line).to_contain_text("Whoever uses it is out at once.")
        line.get_by_role("button", name="Revoke", exact=True).click()
        expect(row(page, "API keys", "a visitor")).to_contain_text("revoked")
        assert visitor.get("/async/stats").status_code == 401


def test_who_may_not_change_them_sees_the_times_and_neither_keys_nor_forms(guarded: Guarded, visit: Open):
    page = visit(guarded, "/app/system")
    page.get_by_label("Key").fill(guarded.keys["submit"])
    page.get_by_role("button").click()
    expect(page.get_by_text("Work may start at any time.")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("tiny.en (used)")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("main").get_by_role("textbox")).to_have_count(0)
    expect(page.get_by_text("API keys")).to_have_count(0)


def test_a_test_of_an_address_says_what_came_of_it(tmp_path: Path, visit: Open):
    receiver = Receiver()
    library = tmp_path / "library"
    library.mkdir()
    server = Server(library, WORKBENCH_WEBHOOK_ALLOW=f"127.0.0.1:{receiver.server_port}")
    page = visit(server, "/app/system")
    page.get_by_label("Address of a receiver").fill(receiver.url)
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("Not delivered: ")).to_contain_text("404", timeout=SOON)
    assert len(receiver.got) == 1
    page.close()  # it would ask for the server
    server.stop()
    receiver.shutdown()
    receiver.server_close()
