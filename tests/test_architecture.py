"""The shape of the code: sizes, directions, and what may not be in a file."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pipeline", "workbench", "apps")
CODE = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
VAGUE = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "base",
    "core",
    "manager",
    "service",
    "handler",
    "misc",
}
FORBIDDEN = (
    r"p[y]pi\.org|python[h]osted\.org|registry\.np[m]js|deb\.deb[i]an\.org",  # the host of a registry
    r"(?:^|[^\w.-])/(?:work|farm)/|/root/[.\w]",  # a path of one machine
)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def lines(paths: list[Path]) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def functions(path: Path) -> Iterator[tuple[int, str]]:
    """Length in lines and place of every function of a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (
                (node.end_lineno or node.lineno) - node.lineno + 1,
                f"{named(path)}:{node.lineno} {node.name}",
            )


def tracked() -> list[Path]:
    """Every file that is, or would be, in the repository; in a copy without git, every file that ships."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]
    tops = [path for path in ROOT.iterdir() if path.is_file()]
    return [*tops, *(path for name in (*PACKAGES, "tests") for path in (ROOT / name).rglob("*.*"))]


def text_of(path: Path) -> str:
    """The file as text; empty when it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def modules() -> dict[str, Path]:
    return {
        named(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in CODE
    }


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """The project's modules that a file imports when it runs, here or in a function."""
    found: set[str] = set()
    for node in running(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = {f"{node.module}.{name.name}" for name in node.names}
            found |= (parts & known.keys()) or {node.module}
    return found & known.keys()


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, but for what only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield child
            yield from running(child)


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after `statement`."""
    shown = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    code = f"{statement}\n{shown}"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(ended.stdout))


def test_functions_are_short():
    sizes = sorted((size for path in CODE for size, _ in functions(path)), reverse=True)
    assert sizes[len(sizes) // 10] <= 25


@pytest.mark.parametrize("path", [*CODE, *TESTS], ids=named)
def test_no_function_passes_sixty_lines_and_no_file_four_hundred(path: Path):
    assert [place for size, place in functions(path) if size > 60] == []
    assert lines([path]) <= 400


@pytest.mark.parametrize("path", CODE, ids=named)
def test_times_are_written_as_every_system_can(path: Path):
    """Python on Windows refuses the "%-d" of the GNU C library."""
    assert not re.search(r"%-[dmHIMSjy]", path.read_text(encoding="utf-8"))


def test_there_are_four_lines_of_tests_for_five_of_code():
    assert lines(TESTS) >= 0.8 * lines(CODE)


def test_no_modules_import_each_other_in_a_circle():
    known = modules()
    graph = {name: imported(path, known) - {name} for name, path in known.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(known)


def test_every_module_is_named_for_what_it_does():
    assert [named(path) for path in CODE if set(path.stem.split("_")) & VAGUE] == []


def test_a_worker_loads_no_jobs_no_database_and_no_screen():
    heavy = {"dask", "distributed", "duckdb", "fastapi", "panel", "rich", "typer"}
    assert loaded_by("import pipeline.stages") & heavy == set()


def test_the_command_line_answers_before_anything_heavy_is_loaded():
    heavy = {"faster_whisper", "ctranslate2", "distributed", "sklearn", "openai"}
    assert loaded_by("import apps.commands.root") & heavy == set()


@pytest.mark.parametrize("path", tracked(), ids=named)
def test_no_file_names_a_registry_or_a_path_of_one_machine(path: Path):
    text = text_of(path)
    assert [
        found.group() for pattern in FORBIDDEN for found in re.finditer(pattern, text, re.MULTILINE)
    ] == []


def test_every_dependency_has_its_reason_beside_it():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r"^    \"[A-Za-z].*$", text.partition("[project.scripts]")[0], re.MULTILINE)
    assert len(listed) > 20
    assert [line for line in listed if not re.search(r"\",\s+# \w", line)] == []


def test_the_lock_pins_every_dependency_exactly():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pinned = {
        re.split(r"==", line)[0].lower() for line in (ROOT / "requirements.lock").read_text().splitlines()
    }
    asked = re.findall(r"^    \"([A-Za-z0-9-]+)[>=<\"]", text.partition("\nbench = [")[0], re.MULTILINE)
    assert [name for name in asked if name.lower().replace("_", "-") not in pinned] == []
