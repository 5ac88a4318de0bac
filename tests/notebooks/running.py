"""Runs a notebook of the project as JupyterLab would: in a kernel of its own, from top to bottom."""

import os
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent.parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALL = """\
workers = 2
model = "tiny.en"
clip_count = 2
clip_min_seconds = 6
clip_max_seconds = 15
variants = ["subtitled"]
aspect_ratios = ["1x1"]
"""
"""Settings of a library in which all notebooks together take a minute."""


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def parameters(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]


def run(path: Path, desk: Path, **values: Any) -> NotebookNode:
    """The notebook after all its cells ran in the folder `desk`, with other parameters.

    Raises nbclient's CellExecutionError, with the traceback, when a cell does.
    """
    notebook = read(path)
    (given,) = parameters(notebook)
    given.source += "".join(f"\n{name} = {value!r}" for name, value in values.items())
    place = {"metadata": {"path": os.fspath(desk)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=place).execute()
    return notebook


def html_of(notebook: NotebookNode) -> list[str]:
    """All HTML that the cells show, in order."""
    return [data["text/html"] for data in _shown(notebook) if data.get("text/html")]


def kinds_of(notebook: NotebookNode) -> set[str]:
    """The MIME types of all that the cells show."""
    return {kind for data in _shown(notebook) for kind in data}


def _shown(notebook: NotebookNode) -> list[dict[str, Any]]:
    return [output.get("data", {}) for cell in code(notebook) for output in cell.outputs]
