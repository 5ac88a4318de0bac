"""Pictures of every page, for people to look at.

    python -m tests.screenshots [--library .demo/library] [--out .cache/screenshots]

Serves the library, and an empty one beside it, and takes each page at 1440 and 390 pixels, light and dark.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.benchmarks.serving import Server, served

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SIZES = ((1440, 1000), (390, 844))
_PAGES = ("library", "inbox", "jobs", "system")


def main() -> int:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as empty:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        for name, library in (("full", arguments.library), ("empty", Path(empty))):
            with served(library) as server:
                _shoot(browser, server, arguments.out, name)
        browser.close()
    print(f"{len(list(arguments.out.glob('*.png')))} pictures in {arguments.out}")
    return 0


def _shoot(browser: Browser, server: Server, out: Path, name: str) -> None:
    url = f"http://{server.host}:{server.port}"
    for scheme in ("light", "dark"):
        for width, height in SIZES:
            size = {"width": width, "height": height}
            context = browser.new_context(viewport=size, color_scheme=scheme)
            page = context.new_page()
            for place in places(server):
                page.goto(url + place)
                page.get_by_role("heading", level=1).wait_for()
                page.wait_for_timeout(1500)  # pictures and players
                file = place.strip("/").removeprefix("app/").replace("/", "-")
                page.screenshot(path=out / f"{name}-{file}-{width}-{scheme}.png")
            context.close()


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
