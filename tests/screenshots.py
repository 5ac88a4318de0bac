"""Pictures of every page, for people to look at.

    python -m tests.screenshots [--library .demo/library] [--out .cache/screenshots]

Serves the library, and an empty one beside it, and takes each page with each of its tabs, and the login, at
its whole height, 1440 and 390 pixels wide, light and dark.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.benchmarks.serving import Server, served

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZES = ((1440, 1000), (390, 844))
_TALLEST = 6000  # pixels
_HEIGHTS = "boxes => boxes.map((box) => box.scrollHeight + 80)"
_PAGES = ("library", "inbox", "jobs", "system")


def main() -> int:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as empty:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        for name, library in (("full", arguments.library), ("empty", Path(empty))):
            with served(library) as server:
                _shoot(browser, server, places(server), arguments.out / name)
                if name == "empty":
                    server.ask("POST", "/keys", {"name": "look", "scope": "admin"})  # now there is a login
                    _shoot(browser, server, ["/login"], arguments.out / name)
        browser.close()
    print(f"{len(list(arguments.out.glob('*.png')))} pictures in {arguments.out}")
    return 0


def _shoot(browser: Browser, server: Server, paths: Iterable[str], stem: Path) -> None:
    found = [*paths]
    for scheme in ("light", "dark"):
        for width, height in SIZES:
            context = browser.new_context(color_scheme=scheme)
            page = context.new_page()
            for path in found:
                page.set_viewport_size({"width": width, "height": height})
                page.goto(f"http://{server.host}:{server.port}{path}")
                page.get_by_role("heading", level=1).wait_for()
                page.wait_for_timeout(6000 if "/jobs/" in path else 1500)  # a chart; pictures and players
                file = path.strip("/").removeprefix("app/").replace("/", "-")
                _each_tab(page, width, height, f"{stem}-{file}-{width}-{scheme}")
            context.close()


def _each_tab(page: Page, width: int, least: int, stem: str) -> None:
    """The page at its whole height, with each of its tabs, when it has some."""
    for number, tab in enumerate(tabs(page) or [None]):
        if tab:
            tab.click()
        page.wait_for_timeout(700)
        height = max([least, *page.locator(".main-content").evaluate_all(_HEIGHTS)])
        page.set_viewport_size({"width": width, "height": min(height, _TALLEST)})
        page.wait_for_timeout(300)
        page.screenshot(path=f"{stem}{f'-tab-{number}' * bool(number)}.png")


def tabs(page: Page) -> list[Locator]:
    """The tabs of a page; those of an episode come after its words."""
    found = page.get_by_role("tab")
    if "/episodes/" in page.url:
        found.first.wait_for()
    return found.all()


def places(server: Server) -> Iterator[str]:
    """Every page; of those with many, that of the newest."""
    yield from (f"/app/{page}" for page in _PAGES)
    yield from (
        f"/app/episodes/{each['episode_id']}" for each in server.ask("GET", "/episodes?limit=1")["episodes"]
    )
    yield from (f"/app/jobs/{each['job_id']}" for each in server.ask("GET", "/async/jobs?limit=1")["jobs"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--library", type=Path, default=Path(".demo/library"))
    parser.add_argument("--out", type=Path, default=Path(".cache/screenshots"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
