"""Every notebook is committed clean, has the same form, and runs from top to bottom."""

import ast
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.apps.served import Server
from tests.notebooks.conftest import new_desk
from tests.notebooks.running import FOLDER, NOTEBOOKS, code, html_of, kinds_of, parameters, read, run

pytestmark = pytest.mark.timeout(900)  # on a busy machine

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def addresses(html: str) -> list[str]:
    """What a browser would fetch from elsewhere to show this."""
    return re.findall(r"""<(?:script|link|img|video|iframe)[^>]*(?:src|href)=["'](https?://[^"']+)""", html)


@each_notebook
def test_it_is_committed_without_outputs(path: Path) -> None:
    for cell in code(read(path)):
        assert cell.outputs == []
        assert cell.execution_count is None


@each_notebook
def test_it_has_a_title_one_cell_of_parameters_and_connects_and_closes(path: Path) -> None:
    notebook = read(path)
    cells = [cell.source for cell in code(notebook)]
    assert notebook.cells[0].source.startswith("# ")
    assert len(parameters(notebook)) == 1
    assert sum(cell.startswith("bench = connect(LIBRARY") for cell in cells) == 1
    assert cells[-1].startswith("bench.close()")
    assert 3 <= len(cells) - 4 <= 10  # besides imports, parameters, connecting and closing


@each_notebook
def test_it_defines_nothing_and_its_cells_are_short(path: Path) -> None:
    for cell in code(read(path)):
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert not kinds & {ast.FunctionDef, ast.ClassDef}
        assert len(cell.source.splitlines()) <= 12


def test_every_notebook_is_described() -> None:
    told = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in NOTEBOOKS if f"`{path.name}`" not in told] == []


@each_notebook
def test_it_runs_from_top_to_bottom(path: Path, desk: Path, short_recording: Path) -> None:
    look_at(run(path, desk, RECORDING=str(short_recording)))


def test_while_the_app_runs_a_notebook_goes_through_it(desk: Path, short_recording: Path) -> None:
    server = Server(desk / "library")
    try:
        look_at(run(NOTEBOOKS[0], desk, RECORDING=str(short_recording)))
        jobs = server.client.get("/async/jobs").json()["jobs"]
        assert [job["job_type"] for job in jobs[:2]] == ["process_episode", "discover_episodes"]
    finally:
        server.stop()


@pytest.mark.real
@each_notebook
def test_it_runs_on_a_real_recording(path: Path, real_desk: Path, media: Path) -> None:
    look_at(run(path, real_desk, RECORDING=str(media / "video" / "autoeditor_example_720p.mp4")))


@pytest.fixture(scope="module")
def real_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_desk(tmp_path_factory)


def look_at(notebook: NotebookNode) -> None:
    """What every notebook shows: jobs that are done, plots, and nothing from a network."""
    html, kinds = html_of(notebook), kinds_of(notebook)
    assert any("completed</span>" in each for each in html)
    assert {"application/vnd.jupyter.widget-view+json", "application/vnd.holoviews_exec.v0+json"} <= kinds
    assert [place for each in html for place in addresses(each) if "127.0.0.1" not in place] == []
    said = [output for cell in code(notebook) for output in cell.outputs if output.output_type == "stream"]
    assert [each.text for each in said if "Warning" in each.text or "Error" in each.text] == []
