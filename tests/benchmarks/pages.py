"""The pages with much on them: how soon they are usable, and what an open one costs the server.

    python -m tests.benchmarks.pages [--jobs 10000] [--tabs 10]

A real `workbench serve` on loopback, and Chromium. "Usable" is from the moment at which the address is
entered to the moment at which the first job can be chosen, or the first word of the transcript can be played.
What counts is the median of five first views: each in a browser that has come in through the library and has
never seen that page. Told beside it are browsers that were never here at all, which fetch and compile all the
scripts first, and views of a page that was seen before. The transcript is of 30,000 words over three hours:
the words of a short recording, again and again. Scrolling is told by the frames that are drawn while the
transcript is scrolled.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from pipeline.model import StageName
from tests.benchmarks.queue import closed_now
from tests.benchmarks.serving import Server, served, told
from tests.conftest import the_demo
from workbench.jobs import JobType, Request
from workbench.settings import load_settings
from workbench.workbench import Workbench

USABLE = 2.0  # seconds
FRAME = 0.1  # seconds: what is longer is seen as a stop
PER_TAB = 30.0  # MB
WORDS, HOURS = 30_000, 3
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FIRST_JOB = "ul.jobs li input"
_FIRST_WORD = "[data-word='0']"
_FIRST_EPISODE = "ul.cards a"


def main() -> int:
    arguments = _arguments()
    found = next(filter(None, map(shutil.which, _BROWSERS)))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        library = Path(folder) / "library"
        episode_id = _filled(library, arguments.jobs)
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        settings = {"maintenance_windows": closed_now(), "rate_limit_per_minute": "1000000"}
        with served(library, **settings) as server:
            kept = [
                _usable(browser, server, "/app/jobs", _FIRST_JOB, f"Jobs with {arguments.jobs} jobs"),
                _usable(browser, server, f"/app/episodes/{episode_id}", _FIRST_WORD, f"{WORDS} words"),
                _scrolls(browser, server, episode_id),
                _memory(browser, server, arguments.tabs),
            ]
        browser.close()
    return int(not all(kept))


def _filled(library: Path, jobs: int) -> str:
    """A library with an episode of many words, and many queued jobs."""
    settings = load_settings(library=library, workers=2, model="tiny.en", clip_count=1, aspect_ratios=["1x1"])
    with Workbench(settings) as bench:
        found = bench.wait(bench.discover([the_demo()]).job_id)
        assert found.result, found.message
        episode_id = str(found.result["episodes"][0]["episode_id"])
        done = bench.wait(bench.process(episode_id).job_id)
        assert done.result, done.message
        _lengthen(bench, episode_id)
        params = bench.process_request(episode_id, StageName.CLIPPED).params
    with Workbench(settings.model_copy(update={"maintenance_windows": (closed_now(),)})) as bench:
        for start in range(0, jobs, 500):
            bench.submit([_asked(episode_id, params, number) for number in range(start, start + 500)])
    return episode_id


def _asked(episode_id: str, params: dict[str, Any], number: int) -> Request:
    """Each with another address to tell, since the same request is the same job."""
    address = f"http://127.0.0.1:9/{number}"
    return Request(job_type=JobType.PROCESS, episode_id=episode_id, params=params, webhook_url=address)


def _lengthen(bench: Workbench, episode_id: str) -> None:
    """Make the transcript one of three hours: its own sentences, again and again, until it is long enough."""
    artefact = Path(bench.episode(episode_id).artefacts["transcript"]) / "transcript.json"
    transcript = json.loads(artefact.read_text(encoding="utf-8"))
    words, sentences = transcript["words"], transcript["sentences"]
    many: list[dict[str, Any]] = []
    spans: list[dict[str, Any]] = []
    each = HOURS * 3600 / WORDS
    while len(many) < WORDS:
        for sentence in sentences:
            first, end = sentence["words"]["first"], sentence["words"]["end"]
            spans.append({"words": {"first": len(many), "end": len(many) + end - first}, "speaker": None})
            for word in words[first:end]:
                start = len(many) * each
                many.append(word | {"start": start, "end": start + each})
    text = json.dumps(transcript | {"words": many, "sentences": spans, "duration": len(many) * each})
    for file in (artefact, bench.shelf(episode_id) / f"{episode_id}.words.json"):
        file.unlink()
        file.write_text(text, encoding="utf-8")


def _usable(browser: Browser, server: Server, path: str, first: str, name: str) -> bool:
    new = [_visited(_tab(browser), server, path, first) for _ in range(3)]
    views = [_first_view(browser, server, path, first) for _ in range(5)]
    page = _tab(browser)
    again = [_visited(page, server, path, first) for _ in range(6)][1:]
    for context in browser.contexts:
        context.close()
    _told_of(name, "in browsers that were never here", new)
    _told_of(name, "in browsers that came in through the library", views)
    _told_of(name, "when it was seen before", again)
    took = statistics.median(views)
    return told(f"{name}, usable after", took, USABLE, "s", took <= USABLE)


def _first_view(browser: Browser, server: Server, path: str, first: str) -> float:
    page = _tab(browser)
    _visited(page, server, "/app/library", _FIRST_EPISODE)
    page.wait_for_load_state("networkidle")
    return _visited(page, server, path, first)


def _told_of(name: str, where: str, took: list[float]) -> None:
    print(f"{name}: {', '.join(f'{each:.2f}' for each in took)} s {where}")


def _tab(browser: Browser) -> Page:
    """In a context of its own, so that nothing is kept from before."""
    return browser.new_context(viewport={"width": 1440, "height": 900}).new_page()


def _visited(page: Page, server: Server, path: str, first: str) -> float:
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(f"http://{server.host}:{server.port}{path}", wait_until="commit")
    page.locator(first).first.wait_for(state="visible")
    return time.perf_counter() - started


def _scrolls(browser: Browser, server: Server, episode_id: str) -> bool:
    page = _tab(browser)
    _visited(page, server, f"/app/episodes/{episode_id}", _FIRST_WORD)
    frames = page.locator(".script").evaluate(
        """script => new Promise(done => {
            const took = []; let last = performance.now(), steps = 0
            const step = now => {
                took.push(now - last); last = now
                script.scrollTop += 400
                if (++steps < 300) requestAnimationFrame(step); else done(took.slice(5))
            }
            requestAnimationFrame(step)
        })"""
    )
    page.context.close()
    ordered = sorted(frames)
    p99 = ordered[int(len(ordered) * 0.99)] / 1000
    print(f"scrolling: median frame {statistics.median(frames):.0f} ms, longest {ordered[-1]:.0f} ms")
    return told("a frame while the transcript scrolls, p99", p99, FRAME, "s", p99 <= FRAME)


def _memory(browser: Browser, server: Server, tabs: int) -> bool:
    """What each of `tabs` open pages of jobs adds to the server, after some were opened and closed before."""
    process = psutil.Process(server.pid)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    for _ in range(3):
        page = context.new_page()
        _visited(page, server, "/app/jobs", _FIRST_JOB)
        page.close()
    before = process.memory_info().rss
    for _ in range(tabs):
        _visited(context.new_page(), server, "/app/jobs", _FIRST_JOB)
    each = (process.memory_info().rss - before) / 1e6 / tabs
    context.close()
    return told("memory of an open page", each, PER_TAB, "MB", each <= PER_TAB)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--tabs", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
