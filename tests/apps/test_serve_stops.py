import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.apps.conftest import command, environment


@pytest.mark.parametrize("sign", ["workbench.duckdb", ".server.json"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_stopped_while_it_starts_ends_well(
    tmp_path: Path, sign: str, number: signal.Signals
):
    """The library is opened first; the file that says where the server is comes before it listens."""
    library = tmp_path / "library"
    process = subprocess.Popen(
        command("serve", "--library", library, "--port", "0"), env=environment(WORKBENCH_MODEL="tiny.en")
    )
    deadline = time.monotonic() + 30
    while not (library / sign).exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(number)
    try:
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
    assert not (library / ".server.json").exists()
