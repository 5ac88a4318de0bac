"""A library in which the demo recording has gone through all stages, made once for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workbench.quick import settings_for, the_episode
from workbench import Workbench
from workbench.jobs import Status


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, demo_recording: Path) -> Path:
    """The library's folder; nobody may change it: see `library_copy`."""
    library = tmp_path_factory.mktemp("finished")
    with Workbench(settings_for(library)) as bench:
        job = bench.wait(bench.process(the_episode(bench, demo_recording)).job_id, timeout=280)
        assert job.status is Status.COMPLETED, job.failure
    return library


@pytest.fixture
def bench(finished: Path) -> Iterator[Workbench]:
    """The finished library, open; for tests that only read or add."""
    with Workbench(settings_for(finished)) as bench:
        yield bench


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workbench]:
    """A new library, open."""
    with Workbench(settings_for(tmp_path / "library")) as bench:
        yield bench
