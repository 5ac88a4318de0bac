"""What axe-core finds on every page that hinders people: nothing serious and nothing critical.

    python -m tests.accessibility [--library .demo/library]

Serves that library, or else one that it fills from the demo recording, and an empty one; looks at each page
at 1440 and 390 pixels, light and dark. axe-core comes by npm, once, into `.cache/axe`. Ends with 1 when
something was found.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from pipeline import ffmpeg
from tests.benchmarks.serving import Server, served
from tests.conftest import ROOT, the_demo
from tests.screenshots import BROWSERS, SIZES, places, tabs

_AXE = "axe-core@4"
_HINDERS = ("serious", "critical")
_SECONDS = 40  # of the demo recording: enough for a transcript and clips
_SMALL = """\
model = "tiny.en"
clip_count = 2
clip_min_seconds = 6
clip_max_seconds = 12
aspect_ratios = ["1x1"]
"""
LIGHT, DARK = "rgb(250, 249, 246)", "rgb(19, 21, 24)"
"""The ground of the pages."""
_OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules by which dark can be worse than light."""
_RUN = """async (rules) => {
  const only = rules.length ? {runOnly: {type: "rule", values: rules}} : {}
  const {violations} = await axe.run(document, {resultTypes: ["violations"], ...only})
  return violations.map(({id, impact, help, nodes}) => ({
    id, impact, help, where: nodes.map((each) => each.target.flat().at(-1)), why: nodes[0].failureSummary,
  }))
}"""


def main() -> int:
    script, found = axe().read_text(encoding="utf-8"), defaultdict[str, list[str]](list)
    chromium = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        full = _arguments().library or filled(Path(folder) / "full")
        for name, library in (("full", full), ("empty", Path(folder) / "empty")):
            library.mkdir(exist_ok=True)
            with served(library) as server:
                looks = [*_look(browser, script, server, [*places(server)])]
                if name == "empty":
                    server.ask("POST", "/keys", {"name": "look", "scope": "admin"})  # now there is a login
                    looks += _look(browser, script, server, ["/login"])
            for place, said in looks:
                found[said].append(f"{name} {place}")
        browser.close()
    for said, there in found.items():
        print(said, *there, sep="\n    ", file=sys.stderr)
    print(f"axe-core finds {len(found) or 'nothing'} that is serious or critical")
    return 1 if found else 0


def axe() -> Path:
    """The script, which npm brings when it is not there yet."""
    folder = ROOT / ".cache" / "axe"
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        quiet = ("--no-save", "--no-audit", "--no-fund", "--ignore-scripts")
        subprocess.run(["npm", "install", "--prefix", str(folder), *quiet, _AXE], check=True)
    return script


def filled(library: Path) -> Path:
    """A library with the beginning of the demo recording, taken through all stages."""
    (library / "inbox").mkdir(parents=True)
    (library / "workbench.toml").write_text(_SMALL, encoding="utf-8")
    talk = library / "inbox" / "Morning talk.mp4"
    cut = ["-i", str(the_demo()), "-t", str(_SECONDS), "-c", "copy", str(talk)]
    ffmpeg.run(cut, length=_SECONDS, report=lambda share: None)
    command = [sys.executable, "-m", "apps.cli", "process", str(talk), "--library", str(library)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return library


def _look(browser: Browser, script: str, server: Server, paths: list[str]) -> Iterator[tuple[str, str]]:
    """Where something is wrong, and what."""
    context = browser.new_context(color_scheme="light")
    context.add_init_script(script)  # no tag: the pages' policy lets no other script in
    page = context.new_page()
    for path in paths:
        page.goto(f"http://{server.host}:{server.port}{path}")
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_timeout(1500)  # pictures and players, and what is looked at after the page came
        for scheme, rules in (("light", []), ("dark", _OF_COLOURS)):
            for width, height in SIZES:
                page.set_viewport_size({"width": width, "height": height})
                for place, said in _in_each_tab(page, rules):
                    yield f"{path}{place}, {scheme}, {width} pixels", said
            _turn(page)
    context.close()


def _turn(page: Page) -> None:
    """From light to dark or back: by the button of the page, or as the system has it."""
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    page.emulate_media(color_scheme="light" if dark else "dark")
    button = page.get_by_role("button", name="Toggle theme")
    if button.count():
        button.click()
        expect(page.get_by_role("main")).to_have_css("background-color", LIGHT if dark else DARK)


def _in_each_tab(page: Page, rules: list[str]) -> Iterator[tuple[str, str]]:
    names = [tab.inner_text() for tab in tabs(page)]
    for name in names or [""]:
        if name:
            page.get_by_role("tab", name=name).click()
        page.wait_for_timeout(400)
        if _hindrances(page, rules):
            page.wait_for_timeout(3000)  # colours fade: what is only so for a moment hinders nobody
            for each in _hindrances(page, rules):
                yield f" ({name})" * bool(name), _sentence(each)


def _hindrances(page: Page, rules: list[str]) -> list[dict[str, Any]]:
    return [each for each in page.evaluate(_RUN, rules) if each["impact"] in _HINDERS]


def _sentence(violation: dict[str, Any]) -> str:
    where, why = ", ".join(violation["where"][:5]), " ".join(violation["why"].split())
    return f"{violation['impact']}: {violation['help']} ({violation['id']}) at {where}\n  {why}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--library", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
