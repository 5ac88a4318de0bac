"""Makes the environment in `.venv` and runs the project's tasks in it: what `make` calls, for every system.

    python3 apps/bootstrap.py demo            (Linux, macOS)
    py apps\\bootstrap.py demo                 (Windows)

It runs on Python 3.8 or newer with nothing but its standard library. The environment itself gets the newest
supported CPython of this machine, or, where there is none, one that uv fetches.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
OLDEST, NEWEST = (3, 12), (3, 14)  # for these, everything in requirements.lock comes as a wheel
NEWEST_ON_INTEL_MACS = (3, 13)  # the last that onnxruntime was built for there
RECORDINGS = ROOT.parent / "shared" / "media"

STAMP = VENV / "made-from"  # written last: without it the environment is unfinished
OWN_UV = ROOT / ".cache" / "uv"

_WINDOWS = os.name == "nt"
_PROBE_WITHIN = 20  # seconds; a first start may have to wait for a virus scanner
_PROBE = """
import importlib.util as u, json, platform, ssl, sys, sysconfig, venv
print(json.dumps({
    "path": sys.executable,
    "base": sys._base_executable if sys.prefix != sys.base_prefix else sys.executable,
    "version": sys.version_info[:3],
    "usable": platform.python_implementation() == "CPython" and sys.version_info[3] == "final"
        and sys.maxsize > 2**32 and not sysconfig.get_config_var("Py_GIL_DISABLED"),
    "machine": sys.platform + "-" + platform.machine(),
    "has_pip": u.find_spec("pip") is not None,
    "has_ensurepip": u.find_spec("ensurepip") is not None,
}))
"""


class SetupFailed(Exception):
    """The environment cannot be made; the message says why and what to do."""


class Python(NamedTuple):
    """An interpreter of this machine that was seen to run."""

    path: str
    version: Tuple[int, int, int]
    usable: bool
    """Whether it is a released 64-bit CPython with its global lock: what wheels are built for."""
    machine: str
    has_pip: bool
    has_ensurepip: bool

    @property
    def supported(self) -> bool:
        newest = NEWEST_ON_INTEL_MACS if self.machine == "darwin-x86_64" else NEWEST
        return self.usable and OLDEST <= self.version[:2] <= newest

    def __str__(self) -> str:
        return "Python {}.{}.{} ({})".format(*self.version, self.path)


class Task(NamedTuple):
    """What a target of the Makefile is for, and the commands of the environment that it runs."""

    about: str
    commands: Sequence[Sequence[str]] = ()


_LINT = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports",))
_PYTEST = ("python", "-m", "pytest")
_QUICK = (*_PYTEST, "-m", "not screens")
_LAB = "notebooks/jupyter_lab_config.py"
_LASTING = {"demo": ["-m", "apps.cli", "demo"], "notebooks": ["-m", "jupyterlab", f"--config={_LAB}"]}
TASKS = {
    "setup": Task("make the environment in .venv; instant when it is up to date"),
    "demo": Task("take a recording through all stages: a made one, or the file you name"),
    "notebooks": Task("open the notebooks in JupyterLab"),
    "test": Task("lint, types, the imports, the tests without a browser", (*_LINT, _QUICK)),
    "test-screens": Task("the tests of pages and notebooks, in Chromium", [(*_PYTEST, "-m", "screens")]),
    "test-real": Task("the tests on the real recordings in ../shared/media", [(*_PYTEST, "-m", "real")]),
    "test-slow": Task("the tests that kill, wait and repeat", [(*_PYTEST, "-m", "slow")]),
    "axe": Task("what axe-core (by npm) finds on every page", [("python", "-m", "tests.accessibility")]),
    "bench": Task("speed, memory and word error rates", [("python", "-m", "tests.benchmarks")]),
    "lint": Task("the checks of `test` without the tests", _LINT),
    "format": Task("format the code", [("ruff", "check", "--fix", "."), ("ruff", "format", ".")]),
    "lock": Task("pin what pyproject.toml asks for in requirements.lock; `lock --upgrade` for the newest"),
    "clean": Task("remove the environment, the caches and the demo's results"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the task that `arguments` name; return the exit status."""
    parser = _parser()
    chosen, rest = parser.parse_known_args(arguments)
    if rest and not (TASKS[chosen.task].commands or chosen.task in (*_LASTING, "lock")):
        parser.error(f"{chosen.task} takes no arguments: {' '.join(rest)}")
    try:
        return _do(chosen.task, rest)
    except SetupFailed as failure:
        _say(f"error: {failure}")
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        description="Makes the environment in .venv when needed, then runs a task in it.",
        epilog="What follows the task is passed on, such as: demo my.mp4, test -k clips, lock --upgrade.",
        allow_abbrev=False,
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    for name, task in TASKS.items():
        tasks.add_parser(name, help=task.about, description=task.about, allow_abbrev=False)
    return parser


def _do(name: str, rest: Sequence[str]) -> int:
    if name == "clean":
        return clean()
    if name == "lock":
        return lock(rest)
    if name == "test-real" and not RECORDINGS.is_dir():
        raise SetupFailed(f"the real recordings are missing: there is no folder {RECORDINGS}")
    set_up()
    if name in _LASTING:
        return _become([str(venv_python()), *_LASTING[name], *_full_names(rest)])
    return run_all(TASKS[name].commands, rest)


def _full_names(words: Sequence[str]) -> List[str]:
    """File names that are right in any folder; flags and their values as they are."""
    names: List[str] = []
    for before, word in zip(["", *words], words):  # noqa: B905 - Python 3.8
        full = os.path.abspath(os.path.expanduser(word))
        is_value = before[:1] == "-" and not os.path.exists(full)
        names.append(word if word[:1] == "-" or is_value else full)
    return names


def run_all(commands: Sequence[Sequence[str]], rest: Sequence[str] = ()) -> int:
    """Run each command of the environment, the last one with `rest` added; 1 when any of them failed."""
    failed = []
    for index, (program, *words) in enumerate(commands, start=1):
        found = shutil.which(program, path=str(venv_python().parent)) or program
        if not _succeeds([found, *words, *(rest if index == len(commands) else ())]):
            failed.append(" ".join([program, *words]))
    if len(commands) > 1:
        _say(f"failed: {', '.join(failed)}" if failed else f"all {len(commands)} checks passed")
    return 1 if failed else 0


def set_up() -> None:
    """Bring `.venv` up to date with requirements.lock and pyproject.toml.

    An environment that an interrupted setup left, or that this script did not make, is made anew.
    Raises SetupFailed when it cannot be done.
    """
    wanted = fingerprint()
    complete = STAMP.is_file() and venv_python().exists()
    if complete and STAMP.read_text() == wanted:
        return
    probed = probe(str(venv_python())) if complete else None
    own = probed if probed and probed.supported else None
    STAMP.unlink() if STAMP.is_file() else None
    pythons = find_pythons()
    python = own or next((found for found in pythons if found.supported), None)
    uv = find_uv()
    if uv is None and not (python and python.has_ensurepip):
        uv = fetch_uv(pythons)
    make(python, uv, keep=own is not None)
    STAMP.write_text(wanted)
    _say(f"The environment is ready in {VENV}.")


def fingerprint() -> str:
    """Changes with what the environment is made from, and with where the project lies."""
    made_from = [str(ROOT).encode(), LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes()]
    return hashlib.sha256(b"\0".join(made_from)).hexdigest()


def venv_python(venv: Path = VENV) -> Path:
    """The Python of a virtual environment."""
    return venv / "Scripts" / "python.exe" if _WINDOWS else venv / "bin" / "python"


def make(python: Python | None, uv: str | None, *, keep: bool) -> None:
    """Make `.venv`, or only install into it (`keep`): with uv, or if that fails or is missing, with pip.

    With no `python`, uv fetches one. Raises SetupFailed when neither way works.
    """
    ways = []
    if uv:
        newest = "{}.{}".format(*NEWEST)
        new = [uv, "venv", "--seed", "--python", python.path if python else newest, str(VENV)]
        ways.append((new, [uv, "pip", "install", "--python", str(venv_python())]))
    if python and python.has_ensurepip:
        new = [python.path, "-I", "-m", "venv", str(VENV)]
        ways.append((new, [str(venv_python()), "-I", "-m", "pip", "install", "--disable-pip-version-check"]))
    _say(f"{'Updating' if keep else 'Making'} {VENV} with {python or 'a Python that uv fetches'}.")
    for new, install in ways:
        if not keep and VENV.exists():
            shutil.rmtree(VENV)
        if (keep or _succeeds(new)) and all(_succeeds([*install, *words]) for words in _INSTALLED):
            return
        keep = False
    if python is None and not venv_python().exists():
        raise SetupFailed(f"uv could not fetch a Python; {_INSTALL_ONE}")
    raise SetupFailed(
        "the packages could not be installed, for the reason above; when the network and the disk are "
        "in order, run the same command again"
    )


_INSTALL_ONE = "install Python {2}.{3} (or {0}.{1} and newer), and run this again".format(*OLDEST, *NEWEST)
_INSTALLED = (
    ["--only-binary", ":all:", "-r", str(LOCK)],
    ["--no-deps", "--no-build-isolation", "-e", str(ROOT)],  # the build tool is in the lock, too
)


def find_pythons() -> List[Python]:
    """Every Python of this machine that runs, the newest first."""
    found, seen = [], set()
    for path in _places():
        real = os.path.realpath(path)
        python = probe(path) if real not in seen and os.path.isfile(path) else None
        seen.add(real)
        if python:
            found.append(python)
    return sorted(found, key=lambda python: (python.version, python.has_ensurepip), reverse=True)


def probe(path: str) -> Python | None:
    """What the interpreter at `path` says of itself; none when it does not run.

    It is asked, not believed: pyenv's shims and the Windows store's stubs exist without a Python
    behind them. For one inside a virtual environment the answer is about the one behind it.
    """
    try:
        facts = json.loads(_ask([path, "-I", "-c", _PROBE]) or "")
    except ValueError:
        return None
    base = facts.pop("base")
    return probe(base) if base != facts["path"] else Python(**{**facts, "version": tuple(facts["version"])})


def _places() -> Iterator[str]:
    """Where a Python may lie: the running one, on the PATH, and where installers put them."""
    yield sys.executable
    suffix = ".exe" if _WINDOWS else ""
    minors = range(NEWEST[1], OLDEST[1] - 1, -1)
    names = [f"python3.{minor}{suffix}" for minor in minors] + [f"python3{suffix}", f"python{suffix}"]
    usual = ["/usr/local/bin", "/opt/homebrew/bin", "/home/linuxbrew/.linuxbrew/bin", "/usr/bin"]
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), *([] if _WINDOWS else usual)]:
        yield from (os.path.join(folder, name) for name in names)
    for pattern in _windows_patterns() if _WINDOWS else _unix_patterns():
        yield from sorted(glob(os.path.expanduser(pattern)), reverse=True)
    if _WINDOWS:
        yield from re.findall(r"[A-Za-z]:\\.*?\.exe", _ask(["py", "-0p"]) or "")


def _unix_patterns() -> List[str]:
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return [
        os.environ.get("PYENV_ROOT", "~/.pyenv") + "/versions/*/bin/python3",
        os.environ.get("UV_PYTHON_INSTALL_DIR", data + "/uv/python") + "/*/bin/python3",
        data + "/mise/installs/python/*/bin/python3",
        "~/.asdf/installs/python/*/bin/python3",
        "/opt/homebrew/opt/python@3.*/bin/python3.*[0-9]",
        "/usr/local/opt/python@3.*/bin/python3.*[0-9]",
        "/Library/Frameworks/Python.framework/Versions/3.*/bin/python3",
    ]


def _windows_patterns() -> List[str]:
    roaming, local = os.environ.get("APPDATA", "~"), os.environ.get("LOCALAPPDATA", "~")
    return [
        os.environ.get("UV_PYTHON_INSTALL_DIR", roaming + r"\uv\python") + r"\*\python.exe",
        local + r"\Programs\Python\Python3*\python.exe",
        os.environ.get("PROGRAMFILES", "C:") + r"\Python3*\python.exe",
        os.environ.get("PYENV_ROOT", r"~\.pyenv\pyenv-win") + r"\versions\*\python.exe",
        r"C:\Python3*\python.exe",
    ]


def find_uv() -> str | None:
    """A uv that runs: on the PATH, where its installer puts it, or fetched by an earlier setup."""
    suffix = ".exe" if _WINDOWS else ""
    folders = ["~/.local/bin", "~/.cargo/bin", "/opt/homebrew/bin", str(OWN_UV / venv_python().parent.name)]
    places = [shutil.which("uv") or "uv", *(os.path.expanduser(f"{folder}/uv{suffix}") for folder in folders)]
    return next((place for place in places if _ask([place, "--version"]) is not None), None)


def fetch_uv(pythons: Sequence[Python]) -> str:
    """Install uv below `.cache` with whatever Python can install something; return its path.

    Raises SetupFailed when no Python can.
    """
    with_venv = next((python for python in pythons if python.has_ensurepip), None)
    with_pip = next((python for python in pythons if python.has_pip), None)
    shutil.rmtree(OWN_UV, ignore_errors=True)
    if with_venv and _succeeds([with_venv.path, "-I", "-m", "venv", str(OWN_UV)]):
        _succeeds([str(venv_python(OWN_UV)), "-I", "-m", "pip", "install", "uv"])
    elif with_pip:
        _succeeds([with_pip.path, "-I", "-m", "pip", "install", "--target", str(OWN_UV), "uv"])
    uv = find_uv()
    if uv is None:
        raise SetupFailed(_nothing_installs(pythons))
    return uv


def _nothing_installs(pythons: Sequence[Python]) -> str:
    """What is missing on this machine, and how to get it."""
    best = next((python for python in pythons if python.supported), pythons[0] if pythons else "this machine")
    supported = "{}.{} to {}.{}".format(*OLDEST, *NEWEST)
    return (
        f"the workbench needs Python {supported} with pip, or a pip to fetch one through uv, and {best} "
        f"has none: on Debian or Ubuntu `sudo apt-get install python3-venv` is enough; elsewhere "
        f"{_INSTALL_ONE}"
    )


def lock(rest: Sequence[str]) -> int:
    """Write requirements.lock: every package, for every supported Python and system.

    Without hashes: pip then could not install the project beside them, as environment.yml has it do.
    """
    uv = find_uv() or fetch_uv(find_pythons())
    command = [uv, "pip", "compile", "pyproject.toml", "-", "--output-file", LOCK.name, "--quiet"]
    command += ["--universal", "--python-version", "{}.{}".format(*OLDEST)]
    command += ["--extra", "demo", "--extra", "test", "--no-emit-index-url", "--no-emit-find-links", *rest]
    named = {**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "make lock"}
    build_tools = b"hatchling\neditables\n"  # so that installing the project itself fetches nothing
    return subprocess.run(command, cwd=ROOT, env=named, input=build_tools).returncode


def clean() -> int:
    """Remove what the other tasks made."""
    caches = [".cache", ".demo", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".import_linter_cache"]
    for made in [VENV, *(ROOT / name for name in [*caches, ".hypothesis", "build", "dist"])]:
        shutil.rmtree(made, ignore_errors=True)
    return 0


def _ask(command: Sequence[str]) -> str | None:
    """What a command prints; none when it fails, hangs or does not exist."""
    quiet: Any = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    try:
        done = subprocess.run(command, timeout=_PROBE_WITHIN, cwd=ROOT, **quiet)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _succeeds(command: Sequence[str]) -> bool:
    _say("$ " + " ".join(command))
    compiling = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    try:  # the tests start the project's own processes hundreds of times
        return subprocess.call(command, cwd=ROOT, env=compiling) == 0
    except OSError as error:
        _say(str(error))
        return False


def _become(command: List[str]) -> int:
    """Hand the terminal over, so that Ctrl-C reaches the command and nothing else."""
    os.chdir(ROOT)
    sys.stdout.flush()
    if not _WINDOWS:
        os.execv(command[0], command)
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the command has got it, too, and decides


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
