"""The shape of the project: names, sizes, and where things are written down."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "stillwatch"
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCE_FILES = sorted([*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py")])
BANNED_NAMES = {"utils", "util", "misc", "lib", "common", "helpers", "helper"}
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_SEAM_METHODS = 400, 60, 5


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", SOURCE_FILES, ids=name_of)
def test_file_is_short_and_well_named(path: Path) -> None:
    parts = {part.strip("_") for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not parts & BANNED_NAMES, "a name that says nothing attracts everything"
    assert len(path.read_text("utf-8").splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    long = {f.name: f.end_lineno - f.lineno + 1 for f in functions(ast.parse(path.read_text("utf-8"))) if f.end_lineno}
    assert {name: lines for name, lines in long.items() if lines > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_public_things_explain_themselves(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    bodies: list[ast.Module | ast.ClassDef] = [tree]
    bodies += [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    silent = [] if ast.get_docstring(tree) else ["the module"]
    for body in bodies:
        for node in body.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                silent += [] if ast.get_docstring(node) else [node.name]
    assert silent == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_seams_are_narrow(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id == "Protocol" for b in node.bases):
            assert sum(isinstance(item, ast.FunctionDef) for item in node.body) <= MAX_SEAM_METHODS, node.name


def test_every_package_has_a_place_in_the_layers() -> None:
    declared = (ROOT / "pyproject.toml").read_text("utf-8")
    for path in PACKAGE.iterdir():
        if path.name.startswith("_") or not (path.suffix == ".py" or (path / "__init__.py").is_file()):
            continue
        assert re.search(rf'"(.* )?\(?{path.stem}\)?( .*)?",', declared), (
            f"place {path.stem} in the layers of pyproject.toml"
        )


def test_no_address_of_a_registry_is_written_down() -> None:
    for path in [*(ROOT / "requirements").iterdir(), ROOT / "pyproject.toml"]:
        text = path.read_text("utf-8")
        assert "://" not in text, path
        assert not re.search(r"^\s*--(extra-)?(index-url|find-links)", text, re.MULTILINE), path


def test_what_is_locked_is_what_is_declared() -> None:
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / "run.txt").read_text("utf-8"), re.MULTILINE))
    declared = (ROOT / "pyproject.toml").read_text("utf-8").partition("dependencies = [")[2].partition("]")[0]
    names = set(re.findall(r'"([a-z0-9-]+)', declared))
    assert names
    assert names <= locked, "run `make lock`"


def test_the_extras_and_the_producers_are_locked_too() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = declared["project"]["optional-dependencies"]
    wanted = {
        "postgres": extras["postgres"],
        "local": [package for package in extras["local"] if not package.startswith("torch")],  # see the Makefile
        "producers": declared["dependency-groups"]["producers"],
    }
    for kind, packages in wanted.items():
        text = (ROOT / "requirements" / f"{kind}.txt").read_text("utf-8")
        locked = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
        names = {re.split(r"[\[<>=]", package)[0] for package in packages}
        assert names <= locked, "run `make lock`"
        assert "litellm-enterprise" not in locked  # not free software


def test_every_dependency_has_its_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    declared = (ROOT / "pyproject.toml").read_text("utf-8").partition("dependencies = [")[2].partition("]")[0]
    assert [name for name in re.findall(r'"([a-z0-9-]+)', declared) if f"**{name}**" not in page] == []
