"""The first notebook as a person meets it: opened in JupyterLab, in Chromium, and run with one key."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.notebooks.conftest import new_desk
from tests.notebooks.running import FOLDER, NOTEBOOKS, code, parameters, read

pytestmark = pytest.mark.timeout(600)

TOKEN = "--IdentityProvider.token"
WITHIN = 300_000  # milliseconds: a short recording through all stages, on a busy machine


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, short_recording: Path) -> Iterator[str]:
    """The address of a JupyterLab, started as `make notebooks` does, on a desk with the first notebook.

    `elsewhere.mp4` on the desk is a link to a recording that lies in another folder.
    """
    desk = new_desk(tmp_path_factory)
    notebook = read(NOTEBOOKS[0])
    parameters(notebook)[0].source += f"\nRECORDING = {os.fspath(short_recording)!r}"
    nbformat.write(notebook, desk / NOTEBOOKS[0].name)
    (desk / "elsewhere.mp4").symlink_to(short_recording)
    (desk / "library" / ".webhooks.secret").write_text("secret")
    shutil.copy(FOLDER / "jupyter_lab_config.py", desk)  # what it serves is the folder that it lies in
    shutil.copytree(FOLDER / "lab_settings", desk / "lab_settings")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked = [
        "--config=jupyter_lab_config.py",
        "--no-browser",
        f"--port={port}",
        "--IdentityProvider.token=secret",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *asked],
        cwd=desk,
        env=os.environ | {"HOME": os.fspath(desk.parent)},  # settings of whoever runs this stay out of it
        stderr=subprocess.DEVNULL,
    )
    answers(port, process)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


def answers(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until something listens there."""
    deadline = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window that fails the test when it asks for anything outside this machine."""
    asked: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    opened = context.new_page()
    opened.on("request", lambda request: asked.append(request.url))
    yield opened
    context.close()
    assert [url for url in asked if re.match(r"(https?|wss?)://(?!127\.0\.0\.1)", url)] == []


def test_a_recording_that_lies_elsewhere_is_served_in_pieces(lab: str, short_recording: Path) -> None:
    asked = {"Authorization": "token secret", "Range": "bytes=100-199"}
    answer = httpx2.get(f"{lab}/files/elsewhere.mp4", headers=asked)
    assert answer.status_code == 206
    assert answer.content == short_recording.read_bytes()[100:200]
    assert httpx2.get(f"{lab}/files/elsewhere.mp4").status_code in (302, 403)  # without the token


def test_what_is_hidden_is_not_served(lab: str) -> None:
    asked = {"Authorization": "token secret"}
    assert httpx2.get(f"{lab}/files/library/.webhooks.secret", headers=asked).status_code == 404
    assert httpx2.get(f"{lab}/files/library/workbench.toml", headers=asked).status_code == 200


def test_the_quick_start_runs_and_shows_bar_player_and_plots(lab: str, page: Page) -> None:
    page.goto(f"{lab}/?token=secret")
    expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=60_000)
    chosen(page, "Run", "Run All Cells")
    last = page.locator(".jp-CodeCell").last.locator(".jp-InputArea-prompt")
    expect(last).to_have_text(f"[{len(code(read(NOTEBOOKS[0])))}]:", timeout=WITHIN)
    assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    expect(page.locator(".jp-OutputArea .widget-hprogress")).to_have_count(2)
    expect(page.locator(".bk-Figure")).to_have_count(2)
    expect(page.locator("video")).to_have_count(3)
    page.wait_for_function("[...document.querySelectorAll('video')].every((one) => one.videoWidth > 0)")
    assert page.get_by_text("Jupyter news").count() == 0


def chosen(page: Page, menu: str, item: str) -> None:
    """Choose an item of a menu."""
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()
