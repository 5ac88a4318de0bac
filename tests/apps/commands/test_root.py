"""What every command does first."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.apps.conftest import Cli


def test_a_misspelt_variable_is_a_warning_beside_the_facts(cli: "Cli", tmp_path: "Path") -> None:
    run = cli("config", "--library", tmp_path, "--json", WORKBENCH_CLIPCOUNT="4", WORKBENCH_WORKERS="2")
    assert run.code == 0
    assert run.err == "warning: WORKBENCH_CLIPCOUNT sets nothing: did you mean WORKBENCH_CLIP_COUNT?\n"
    assert {one["name"]: one["value"] for one in run.facts}["clip_count"] == 6
