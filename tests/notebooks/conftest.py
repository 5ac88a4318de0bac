"""A desk: a folder to run notebooks in, with a short recording and a library with quick settings."""

from pathlib import Path

import pytest

from pipeline import ffmpeg
from tests.notebooks.running import SMALL

_SECONDS = 30


@pytest.fixture(scope="session")
def short_recording(tmp_path_factory: pytest.TempPathFactory, demo_recording: Path) -> Path:
    """The first 30 s of the demo recording."""
    path = tmp_path_factory.mktemp("short") / "cables.mp4"
    cut = ["-i", str(demo_recording), "-t", str(_SECONDS), "-c", "copy", str(path)]
    ffmpeg.run(cut, length=_SECONDS, report=lambda share: None)
    return path


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_desk(tmp_path_factory)


def new_desk(factory: pytest.TempPathFactory) -> Path:
    """An empty folder with a library, as `notebooks/` is for those who open them."""
    folder = factory.mktemp("desk")
    (folder / "library").mkdir()
    (folder / "library" / "workbench.toml").write_text(SMALL)
    return folder
