"""What makes the environment, run as its users run it: as a script, in a folder, with a PATH.

uv and the environment's own programs are stand-ins here, small shell scripts that write down what they
are asked to do; nothing is fetched.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from apps import bootstrap
from apps.bootstrap import Python, SetupFailed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")

SCRIPT = Path(bootstrap.__file__)
ECHO = '#!/bin/sh\necho "$(basename "$0") $*" >> "{log}"\n'
UV = (
    ECHO
    + """
case "$1 $2" in
"venv --seed") mkdir -p .venv/bin && cp "{inside}" .venv/bin/python ;;
"pip install") test ! -e "{broken}" ;;
esac
"""
)


class Checkout:
    """A folder with the script, a lock and a pyproject.toml, and a machine that has uv."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.broken = folder / "broken"
        self._log = folder / "log"
        (self.root / "apps").mkdir(parents=True)
        shutil.copy(SCRIPT, self.root / "apps")
        (self.root / "requirements.lock").write_text("one==1\n")
        (self.root / "pyproject.toml").write_text("")
        inside = program(folder / "inside", self._probed() + ECHO.format(log=self._log))
        program(folder / "bin" / "uv", UV.format(log=self._log, inside=inside, broken=self.broken))
        offline = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
        self._environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "HOME": str(folder), **offline}

    def run(self, *words: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, self.root / "apps" / "bootstrap.py", *words]
        return subprocess.run(command, capture_output=True, text=True, env=self._environment, cwd=cwd)

    def done(self) -> list[str]:
        """What the stand-ins were asked since the last call."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return [line for line in lines if line != "uv --version"]

    def _probed(self) -> str:
        """What the environment's Python answers when it is asked about itself."""
        known = json.dumps(answer(self.root / ".venv" / "bin" / "python", 3, 13, 1))
        return f"#!/bin/sh\nif test \"$1\" = -I; then echo '{known}'; exit; fi\n"

    def tool(self, name: str, status: int) -> None:
        program(self.root / ".venv" / "bin" / name, ECHO.format(log=self._log) + f"exit {status}\n")


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def answer(path: Path, *version: int, **facts: object) -> dict[str, object]:
    """What a Python of that version says of itself."""
    known = {"path": str(path), "base": str(path), "version": version, "usable": True}
    return known | {"machine": "linux-x86_64", "has_pip": True, "has_ensurepip": True} | facts


def python(path: Path, *version: int, **facts: object) -> Path:
    """A program that answers as a Python of that version would."""
    return program(path, f"#!/bin/sh\necho '{json.dumps(answer(path, *version, **facts))}'\n")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine where nothing lies but what a test puts there (and what the system has)."""
    for name in ("PYENV_ROOT", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_it_is_python_3_8_and_needs_only_the_standard_library():
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= sys.stdlib_module_names


def test_a_first_setup_makes_the_environment_and_installs_the_lock_then_the_project(checkout: Checkout):
    assert checkout.run("setup").returncode == 0
    made, packages, project = checkout.done()
    assert made.startswith("uv venv --seed --python ")
    assert packages.endswith(f"--only-binary :all: -r {checkout.root / 'requirements.lock'}")
    assert project.endswith(f"--no-deps --no-build-isolation -e {checkout.root}")


def test_a_second_setup_does_nothing(checkout: Checkout):
    checkout.run("setup")
    checkout.done()
    assert checkout.run("setup").stdout == ""
    assert checkout.done() == []


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_change_of_what_the_environment_is_made_from_installs_again(checkout: Checkout, name: str):
    checkout.run("setup")
    checkout.done()
    (checkout.root / name).write_text("changed")
    checkout.run("setup")
    assert [line.split()[:3] for line in checkout.done()] == [["uv", "pip", "install"]] * 2


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Checkout):
    checkout.run("setup")
    checkout.done()
    (checkout.root / ".venv" / "bin" / "python").unlink()
    checkout.run("setup")
    assert checkout.done()[0].startswith("uv venv")


def test_a_setup_that_was_broken_off_is_done_anew(checkout: Checkout):
    checkout.run("setup")
    (checkout.root / ".venv" / "made-from").unlink()
    (checkout.root / ".venv" / "half-installed").touch()
    checkout.done()
    checkout.run("setup")
    assert checkout.done()[0].startswith("uv venv")
    assert not (checkout.root / ".venv" / "half-installed").exists()


def test_an_update_that_fails_leaves_no_environment_that_looks_ready(checkout: Checkout):
    checkout.run("setup")
    (checkout.root / "requirements.lock").write_text("two==2\n")
    checkout.broken.touch()
    ended = checkout.run("setup")
    assert ended.returncode == 1
    assert "run the same command again" in ended.stdout.splitlines()[-1]
    assert not (checkout.root / ".venv" / "made-from").exists()


def test_where_uv_cannot_install_pip_does(checkout: Checkout):
    checkout.broken.touch()
    ended = checkout.run("setup")
    assert f"$ {checkout.root / '.venv' / 'bin' / 'python'} -I -m pip install" in ended.stdout


def test_the_demo_gets_the_file_by_its_full_name(checkout: Checkout, tmp_path: Path):
    checkout.run("demo", "my talk.mp4", cwd=tmp_path)
    assert checkout.done()[-1] == f"python -m apps.cli demo {tmp_path / 'my talk.mp4'}"


def test_a_file_in_the_home_folder_may_be_named_with_a_tilde(checkout: Checkout, tmp_path: Path):
    checkout.run("demo", "~/talk.mp4")
    assert checkout.done()[-1] == f"python -m apps.cli demo {tmp_path / 'talk.mp4'}"


def test_flags_of_the_demo_and_their_values_stay_as_they_are(checkout: Checkout, tmp_path: Path):
    (tmp_path / "my.mp4").touch()
    checkout.run("demo", "--workers", "2", "--force", "my.mp4", cwd=tmp_path)
    assert checkout.done()[-1] == f"python -m apps.cli demo --workers 2 --force {tmp_path / 'my.mp4'}"


def test_the_notebooks_are_opened_by_the_environments_own_jupyterlab(checkout: Checkout):
    checkout.run("notebooks", "--no-browser")
    asked = "python -m jupyterlab --config=notebooks/jupyter_lab_config.py --no-browser"
    assert checkout.done()[-1] == asked


@pytest.mark.parametrize("broken", [(), ("mypy",), ("ruff", "lint-imports")])
def test_every_check_runs_even_when_one_fails_and_the_failed_ones_are_named(
    checkout: Checkout, broken: Sequence[str]
):
    checkout.run("setup")
    for tool in ("ruff", "mypy", "lint-imports"):
        checkout.tool(tool, int(tool in broken))
    checkout.done()
    ended = checkout.run("test", "-k", "clips")
    assert len(checkout.done()) == 5
    assert ended.returncode == (1 if broken else 0)
    assert all(name in ended.stdout.splitlines()[-1] for name in broken)


def test_what_follows_test_is_for_pytest(checkout: Checkout):
    checkout.run("test", "-k", "clips")
    assert checkout.done()[-1] == "python -m pytest -m not screens -k clips"


def test_the_real_tests_say_what_is_missing(checkout: Checkout):
    ended = checkout.run("test-real")
    assert ended.returncode == 1
    assert str(checkout.root.parent / "shared" / "media") in ended.stdout


def test_the_lock_names_no_index_and_covers_every_system(checkout: Checkout):
    checkout.run("lock", "--upgrade")
    (asked,) = checkout.done()
    assert {"--universal", "--no-emit-index-url", "--no-emit-find-links", "--upgrade"} <= set(asked.split())


def test_clean_leaves_only_what_was_there(checkout: Checkout):
    before = set(checkout.root.rglob("*"))
    checkout.run("setup")
    assert checkout.run("clean").returncode == 0
    assert set(checkout.root.rglob("*")) == before


def test_a_task_that_takes_nothing_refuses_words(checkout: Checkout):
    ended = checkout.run("setup", "now")
    assert ended.returncode == 2
    assert "setup takes no arguments: now" in ended.stderr


def test_help_lists_every_task(checkout: Checkout):
    told = checkout.run("--help").stdout
    assert all(f"  {name} " in told or f"  {name}\n" in told for name in bootstrap.TASKS)


def test_the_newest_python_is_found_in_any_place(home: Path):
    python(home / "bin" / "python3.12", 3, 12, 4)
    python(home / ".pyenv" / "versions" / "3.14.2" / "bin" / "python3", 3, 14, 2)
    python(home / ".local" / "share" / "uv" / "python" / "cpython-3.13" / "bin" / "python3", 3, 13, 9)
    found = [each for each in bootstrap.find_pythons() if str(home) in each.path]
    assert [each.version for each in found] == [(3, 14, 2), (3, 13, 9), (3, 12, 4)]


def test_a_shim_without_a_python_behind_it_is_not_a_python(home: Path):
    program(
        home / "bin" / "python3.13", "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n"
    )
    assert [each for each in bootstrap.find_pythons() if str(home) in each.path] == []


def test_a_program_that_says_something_else_is_not_a_python(home: Path):
    assert bootstrap.probe(str(program(home / "python3", "#!/bin/sh\necho Python was not found\n"))) is None


def test_of_a_virtual_environment_the_python_behind_it_is_taken(home: Path):
    behind = python(home / "opt" / "python3", 3, 13, 1)
    inside = python(home / "venv" / "python", 3, 13, 1, base=str(behind))
    found = bootstrap.probe(str(inside))
    assert found is not None
    assert found.path == str(behind)


@pytest.mark.parametrize(
    ("version", "usable", "machine", "supported"),
    [
        ((3, 11, 9), True, "linux-x86_64", False),
        ((3, 12, 0), True, "linux-x86_64", True),
        ((3, 14, 1), True, "linux-aarch64", True),
        ((3, 15, 0), True, "linux-x86_64", False),
        ((3, 13, 0), False, "linux-x86_64", False),
        ((3, 14, 1), True, "darwin-arm64", True),
        ((3, 14, 1), True, "darwin-x86_64", False),
    ],
)
def test_a_python_is_supported_when_every_package_has_a_wheel_for_it(
    version: tuple[int, int, int], usable: bool, machine: str, supported: bool
):
    assert Python("python", version, usable, machine, True, True).supported is supported


def test_where_nothing_can_install_anything_one_sentence_says_what_to_do(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bootstrap, "OWN_UV", home / "uv")
    bare = Python("/usr/bin/python3", (3, 11, 2), True, "linux-x86_64", False, False)
    with pytest.raises(SetupFailed, match=r"Python 3.11.2 .* apt-get install python3-venv"):
        bootstrap.fetch_uv([bare])


def test_a_python_that_only_has_pip_fetches_uv(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "OWN_UV", home / "uv")
    fetched = program(home / "given", "#!/bin/sh\necho uv 1\n")
    pip = program(
        home / "bin" / "python3",
        f'#!/bin/sh\nPATH=/usr/bin:/bin\nmkdir -p "{home}/uv/bin"; cp "{fetched}" "{home}/uv/bin/uv"\n',
    )
    assert (
        bootstrap.fetch_uv([Python(str(pip), (3, 9, 6), True, "darwin-arm64", True, False)])
        == f"{home}/uv/bin/uv"
    )
