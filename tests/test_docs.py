"""The README, the Makefile and environment.yml say what is true."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from apps import bootstrap
from pipeline.model import AspectRatio, StageName, Variant
from workbench.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
FLOW = README.partition("## How one job flows")[2].partition("## ")[0]


def section(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_make_target_that_is_named_exists():
    named = re.findall(r"(?:`|^)make\s+([a-z-]+)", README, re.MULTILINE)
    assert {"demo", "test", "setup"} <= set(named) <= TARGETS


def test_make_and_the_script_without_make_know_the_same_tasks():
    assert set(bootstrap.TASKS) | {"help"} == TARGETS


def test_every_task_of_the_script_that_is_named_exists():
    named = set(re.findall(r"bootstrap\.py ([a-z-]+)", README + MAKEFILE))
    assert named <= set(bootstrap.TASKS)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str):
    assert f"`{name}`" in section("Settings")


def test_no_setting_is_documented_that_does_not_exist():
    cells = "".join(re.findall(r"^\| (`.*?) \|", section("Settings"), re.MULTILINE))
    assert set(re.findall(r"`([a-z_]+)`", cells)) == set(Settings.model_fields)


@pytest.mark.parametrize("name", [*StageName, *Variant, *AspectRatio])
def test_every_stage_variant_and_aspect_ratio_is_named(name: str):
    assert f"`{name}`" in section("What you get")


def test_the_picture_shows_the_stages_in_order_on_the_first_screen():
    picture = "\n".join(README.splitlines()[:25])
    assert " --> ".join(StageName) in picture


def test_a_job_is_followed_through_no_more_than_eight_files_that_exist():
    steps = re.findall(r"^\d+\. `([a-z/_]+\.py)`", FLOW, re.MULTILINE)
    assert 0 < len(steps) <= 8
    assert [
        step for step in re.findall(r"`([a-z]+/[a-z_/]+\.py)`", FLOW) if not (ROOT / step).is_file()
    ] == []


def test_each_file_of_the_flow_is_imported_by_one_before_it():
    imports = ""

    def is_imported(file: str) -> bool:
        return not imports or bool(re.search(rf"\b{Path(file).stem}\b", imports))

    for step, beside in re.findall(r"^\d+\. `([a-z/_]+\.py)`(.*)", FLOW, re.MULTILINE):
        folder = Path(step).parent
        ways = [f"{folder}/{name}" for name in re.findall(r"by way of `([a-z_]+\.py)`", beside)]
        for file in (*ways, step):
            assert is_imported(file), file
            text = (ROOT / file).read_text(encoding="utf-8")
            imports += "\n".join(re.findall(r"^ *(?:from|import) .*$", text, re.MULTILINE))


def test_every_command_is_listed():
    asked = [sys.executable, "-m", "apps.cli", "--help"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = re.findall(r"^  ([a-z]+) +[A-Z]", told.partition("Commands:")[2], re.MULTILINE)
    listed = " ".join(re.findall(r"^\| (`.*?) \|", section("The command"), re.MULTILINE))
    assert len(commands) > 10
    assert [name for name in commands if not re.search(rf"`(workbench )?{name}\b", listed)] == []


def test_every_file_that_a_link_names_exists():
    assert [name for name in re.findall(r"\]\(([^):]+)\)", README) if not (ROOT / name).exists()] == []


def test_conda_makes_the_same_environment():
    made = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (python,) = [each for each in made["dependencies"] if str(each).startswith("python=")]
    minor = int(python.rpartition(".")[2])
    assert bootstrap.OLDEST[1] <= minor <= bootstrap.NEWEST[1]
    assert made["dependencies"][-1] == {"pip": ["-r requirements.lock", "-e ."]}


def test_the_readme_is_short_enough_to_be_read():
    assert len(README.splitlines()) <= 160
