"""By which file a command finds a server."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench import run_file
from workbench.run_file import RunFile


@pytest.fixture
def port() -> Iterator[int]:
    """Of something on this machine that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def write(library: Path, url: str, pid: int) -> RunFile:
    told = RunFile(url=url, pid=pid, token="secret")
    (library / run_file.NAME).write_text(told.model_dump_json())
    return told


def test_a_server_that_is_there_and_listens_is_found(tmp_path: Path, port: int) -> None:
    assert run_file.serving(tmp_path) is None
    assert write(tmp_path, f"http://127.0.0.1:{port}", os.getpid()) == run_file.serving(tmp_path)


def test_a_server_whose_process_has_gone_is_not_believed(tmp_path: Path, port: int) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write(tmp_path, f"http://127.0.0.1:{port}", gone.pid)
    assert run_file.serving(tmp_path) is None


def test_a_server_that_does_not_listen_is_not_believed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    write(tmp_path, f"http://127.0.0.1:{closed}", os.getpid())
    assert run_file.serving(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", '{"url": "http://127.0.0.1:1"}', "[]"])
def test_half_a_file_is_no_server(tmp_path: Path, text: str) -> None:
    (tmp_path / run_file.NAME).write_text(text)
    assert run_file.serving(tmp_path) is None


def test_a_server_that_listens_everywhere_is_asked_on_this_machine(tmp_path: Path, port: int) -> None:
    write(tmp_path, f"http://0.0.0.0:{port}", os.getpid())
    found = run_file.serving(tmp_path)
    assert found
    assert found.url == f"http://127.0.0.1:{port}"
