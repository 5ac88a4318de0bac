"""How the work goes, on the pages: a job's timeline, the queue, the last day, workers, Dask's dashboard."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.apps.pages.conftest import Open
from tests.apps.served import Guarded, Server

SOON = 30_000  # milliseconds in which HoloViews is loaded, on two busy cores
_LANES = """() => {
  const figure = [...Bokeh.documents[0]._all_models.values()].find((model) => model.type == "Figure")
  return [...figure.left[0].major_label_overrides.values()]
}"""
_END = """() => {
  const figure = [...Bokeh.documents[0]._all_models.values()].find((model) => model.type == "Figure")
  return figure ? figure.x_range.end : 0
}"""


def job_of(server: Server, kind: str) -> str:
    jobs = server.client.get("/async/jobs").json()["jobs"]
    return next(str(job["job_id"]) for job in jobs if job["job_type"] == kind)


def unfolded(page: Page) -> None:
    page.get_by_role("button", name="How the work goes").click()
    expect(page.get_by_role("heading", name="The last 24 hours")).to_be_visible(timeout=SOON)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_a_finished_job_shows_when_each_stage_ran_and_a_bar_tells_more(
    site: Server, visit: Open, width: int, dark: bool
):
    page = visit(site, f"/app/jobs/{job_of(site, 'process_episode')}", width=width, dark=dark)
    words = page.get_by_role("list", name="The timeline in words")
    expect(words).to_contain_text("ranscribed in", timeout=SOON)
    expect(words).to_contain_text("clipped in")
    chart = page.locator(".bk-Figure")
    expect(chart).to_be_visible(timeout=SOON)
    assert page.evaluate(_LANES) == ["Clip", "Render", "Enrich", "Transcribe"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    place = chart.bounding_box()
    assert place
    told = page.locator(".bk-Tooltip")
    for share in range(15, 100, 2):  # over the first lane, until the pointer is on a bar
        page.mouse.move(place["x"] + share / 100 * place["width"], place["y"] + 20)
        page.wait_for_timeout(100)  # a frame of a busy machine, in which the chart looks what is there
        if told.count() and told.first.is_visible():
            break
    expect(told.first).to_contain_text(", from ")


def test_a_job_that_runs_has_a_bar_that_grows(fresh: Server, talk: Path, visit: Open):
    inbox = fresh.library / "inbox"
    inbox.mkdir(exist_ok=True)
    shutil.copy(talk, inbox / talk.name)
    found = fresh.client.post("/async/discover", json={"process": True}).json()
    assert fresh.ended(found["job_id"])["status"] == "completed"
    page = visit(fresh, f"/app/jobs/{job_of(fresh, 'process_episode')}")
    expect(page.locator(".bk-Figure")).to_be_visible(timeout=SOON)
    before = page.evaluate(_END)
    page.wait_for_function(f"({_END})() > {before}", timeout=SOON)


def test_how_the_work_goes_is_folded_away_until_somebody_wants_to_see_it(site: Server, visit: Open):
    page = visit(site, "/app/jobs")
    button = page.get_by_role("button", name="How the work goes")
    expect(button).to_have_attribute("aria-expanded", "false", timeout=SOON)
    expect(page.locator(".bk-Figure")).to_have_count(0)
    unfolded(page)
    expect(page.get_by_text("No job waits and none runs.")).to_be_visible()
    expect(page.get_by_text("No worker runs yet")).to_be_visible()
    expect(page.locator(".bk-Figure")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("of recordings; 0 failed")).to_be_visible()
    expect(page.get_by_role("link", name="Open the Dask dashboard")).to_have_count(0)


def test_an_admin_sees_the_workers_and_comes_from_there_to_the_dashboard(fresh: Server, visit: Open):
    asked = fresh.client.post("/async/discover", json={"paths": [str(Path(__file__))]}).json()
    assert fresh.ended(asked["job_id"])["status"] == "completed"
    page = visit(fresh, "/app/jobs", width=390)
    unfolded(page)
    expect(page.get_by_role("row").filter(has_text="without a limit")).to_have_count(2, timeout=SOON)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    link = page.get_by_role("link", name="Open the Dask dashboard")
    dashboard = visit(fresh, str(link.get_attribute("href")))
    expect(dashboard.get_by_role("link", name="Workers", exact=True)).to_be_visible(timeout=SOON)
    expect(dashboard.locator("canvas").first).to_be_visible(timeout=SOON)
    dashboard.wait_for_function("Bokeh.documents.length > 0", timeout=SOON)


def test_who_may_only_look_gets_no_link_to_the_dashboard(guarded: Guarded, visit: Open):
    page = visit(guarded, "/app/jobs")
    page.get_by_label("Key").fill(guarded.keys["read"])
    page.get_by_role("button").click()
    unfolded(page)
    expect(page.get_by_role("row").filter(has_text="without a limit")).to_have_count(2, timeout=SOON)
    expect(page.get_by_role("link", name="Open the Dask dashboard")).to_have_count(0)
