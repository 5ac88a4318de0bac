"""One call for a library, whether a server has it open or nobody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apps.served import Server
from workbench import Workbench, connect
from workbench.client import Client
from workbench.errors import BadSetting, LibraryBroken, Unreachable


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("served"))
    yield server
    server.stop()


def test_a_library_that_nobody_has_open_is_opened_with_the_settings_given(tmp_path: Path) -> None:
    with connect(tmp_path / "library", workers=3) as bench:
        assert isinstance(bench, Workbench)
        assert bench.settings.workers == 3


def test_a_library_that_a_server_has_open_is_reached_through_it(server: Server) -> None:
    with connect(server.library) as bench:
        assert isinstance(bench, Client)
        assert bench.episodes() == []


def test_a_server_elsewhere_is_reached_by_its_address(server: Server) -> None:
    with connect(url=server.facts["url"], key=server.facts["token"]) as bench:
        assert bench.jobs() == []


def test_what_a_server_has_settled_is_refused_by_name(server: Server) -> None:
    for place in ({"library": server.library}, {"url": server.facts["url"]}):
        with pytest.raises(BadSetting, match=r"^workers cannot be used while the server at http://"):
            connect(**place, workers=2)


def test_an_address_where_nobody_answers_is_named(tmp_path: Path) -> None:
    with connect(url="http://127.0.0.1:9") as bench, pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        bench.jobs()


def test_a_cell_that_connects_can_be_run_again(tmp_path: Path) -> None:
    first = connect(tmp_path / "library")
    with connect(tmp_path / "library", clip_count=1) as second:
        assert isinstance(second, Workbench)
        assert second.settings.clip_count == 1
        with pytest.raises(LibraryBroken):
            first.discover([])


def test_a_library_that_was_closed_can_be_connected_to_again(tmp_path: Path) -> None:
    connect(tmp_path / "library").close()
    with connect(tmp_path / "library") as bench:
        assert bench.jobs() == []
