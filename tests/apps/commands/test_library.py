"""What the command line says of settings, and where each comes from."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tests.apps.test_cli import COMMANDS
from workbench.settings import Settings

if TYPE_CHECKING:
    from tests.apps.conftest import Cli


def test_config_says_where_each_value_comes_from(cli: "Cli", tmp_path: Path) -> None:
    (tmp_path / "workbench.toml").write_text('language = "de"\nclip_count = 3\n')
    run = cli("config", "--library", tmp_path, "--json", WORKBENCH_CLIP_COUNT="4")
    chosen = {one["name"]: (one["value"], one["source"]) for one in run.facts}
    assert chosen["language"] == ("de", "workbench.toml")
    assert chosen["clip_count"] == (4, "WORKBENCH_CLIP_COUNT")
    assert chosen["library"] == (str(tmp_path), "--library")
    assert chosen["workers"] == (0, "default")
    assert all(one["help"] for one in run.facts)


def test_a_flag_beats_a_variable_which_beats_the_file(cli: "Cli", tmp_path: Path) -> None:
    texts, numbers = ("model", "language", "scheduler", "host"), ("workers", "port")
    given = dict.fromkeys(texts, ("weak", "stronger", "strong")) | dict.fromkeys(numbers, (1, 2, 3))

    def chosen(*flags: object, **variables: str) -> dict[str, tuple[object, str]]:
        facts = cli("config", "--library", tmp_path, "--json", *flags, **variables).facts
        return {one["name"]: (one["value"], one["source"]) for one in facts if one["name"] in given}

    toml = [f"{name} = {json.dumps(value)}\n" for name, (value, _, _) in given.items()]
    (tmp_path / "workbench.toml").write_text("".join(toml))
    variables = {f"WORKBENCH_{name.upper()}": str(value) for name, (_, value, _) in given.items()}
    flags = [part for name, (_, _, value) in given.items() for part in (f"--{name}", value)]
    assert chosen() == {name: (value, "workbench.toml") for name, (value, _, _) in given.items()}
    by_variable = {name: (value, f"WORKBENCH_{name.upper()}") for name, (_, value, _) in given.items()}
    assert chosen(**variables) == by_variable
    assert chosen(*flags, **variables) == {
        name: (value, f"--{name}") for name, (_, _, value) in given.items()
    }


def test_config_knows_every_flag_that_another_command_has_for_a_setting(cli: "Cli") -> None:
    flags = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    had = {
        flag for name in (*COMMANDS, "serve") for flag in re.findall(r"--[a-z-]+", cli(name, "--help").out)
    }
    assert had & flags <= set(re.findall(r"--[a-z-]+", cli("config", "--help").out))


def test_config_shows_every_setting_and_no_secret(cli: "Cli", tmp_path: Path) -> None:
    run = cli("config", "--library", tmp_path, WORKBENCH_LLM_API_KEY="hush-hush")
    names = [one["name"] for one in cli("config", "--library", tmp_path, "--json").facts]
    assert [line.split()[0] for line in run.out.splitlines()[1:]] == names
    assert "hush-hush" not in run.out
