"""The house keeps its shape: sizes of folders, names of files, tests where their modules are.

What does not fit yet stands in the lists below. They only shrink: an entry that is no longer needed
fails, too.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.rigs.paths import ROOT

ROOTS = ("api", "bms", "drivers", "optimizer", "sites")
MOST_FILES = 15
MOST_FOLDERS = 3
"""Folders below a root package."""
MOST_LINES = 57
"""Lines of a function."""
MOST_PARAMETERS = 8
"""Outside the command line, whose parameters are options."""

Function = ast.FunctionDef | ast.AsyncFunctionDef

REPEATING: set[str] = set()
LONG: set[str] = set()
WIDE: set[str] = set()
TWICE: set[str] = set()
NOT_EMPTY: set[str] = {
    "bms/cli/__init__.py",
    "bms/store/__init__.py",
    "optimizer/__init__.py",
}


def python_files(folder: Path) -> list[Path]:
    """All but what creates the tables, whose names the library chooses."""
    return sorted(file for file in folder.rglob("*.py") if "migrations" not in file.parts)


@cache
def product() -> dict[str, ast.Module]:
    files = [file for root in ROOTS for file in python_files(ROOT / root)]
    return {str(file.relative_to(ROOT)): ast.parse(file.read_bytes()) for file in files}


def functions(module: ast.Module) -> Iterator[tuple[str, Function]]:
    """Functions and methods with their names within the module."""

    def within(node: ast.AST, above: str) -> Iterator[tuple[str, Function]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield above + child.name, child
            if isinstance(child, Function | ast.ClassDef):
                yield from within(child, f"{above}{child.name}.")

    return within(module, "")


def parameters(function: Function) -> int:
    """All that a caller may give; not what a method is called on."""
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def repeats_its_folder(file: Path) -> bool:
    """Alike but for an ending, or the folder's name before or behind another word."""
    stem, folder = file.stem, file.parent.name
    words = stem.split("_")
    return stem.rstrip("s") == folder.rstrip("s") or folder in (words[0], words[-1])


def is_bare(node: ast.stmt) -> bool:
    """An import, or the list of names for outsiders."""
    if isinstance(node, ast.Assign):
        return [ast.unparse(target) for target in node.targets] == ["__all__"]
    return isinstance(node, ast.Import | ast.ImportFrom)


def test_folders_are_small() -> None:
    counts: Counter[str] = Counter()
    for root in (*ROOTS, "tests"):
        for file in python_files(ROOT / root):
            counts[str(file.parent.relative_to(ROOT))] += file.name != "__init__.py"
    assert {folder: n for folder, n in counts.items() if n > MOST_FILES} == {}


def test_folders_are_not_deep() -> None:
    deep = [file for file in product() if len(Path(file).parts) - 2 > MOST_FOLDERS]
    assert deep == []


def test_no_file_repeats_its_folder() -> None:
    found = {file for file in product() if repeats_its_folder(Path(file))}
    assert found == REPEATING


def test_functions_are_short() -> None:
    found = {
        f"{file}::{name}"
        for file, module in product().items()
        for name, function in functions(module)
        if (function.end_lineno or 0) - function.lineno >= MOST_LINES
    }
    assert found == LONG


def test_functions_take_few_parameters() -> None:
    found = {
        f"{file}::{name}"
        for file, module in product().items()
        if not file.startswith("bms/cli/")
        for name, function in functions(module)
        if parameters(function) > MOST_PARAMETERS
    }
    assert found == WIDE


def test_a_class_name_has_one_meaning() -> None:
    places = defaultdict(set)
    for file, module in product().items():
        for node in module.body:
            if isinstance(node, ast.ClassDef):
                places[node.name].add(file)
    assert {name for name, files in places.items() if len(files) > 1} == TWICE


def test_packages_say_what_they_hold_and_nothing_else() -> None:
    found = set()
    for file, module in product().items():
        if Path(file).name != "__init__.py":
            continue
        said = ast.get_docstring(module, clean=False) or ""
        if not said or "\n" in said or not all(map(is_bare, module.body[1:])):
            found.add(file)
    assert found == NOT_EMPTY


def mirrored(folder: Path) -> Path:
    """The package that a folder of unit tests is about."""
    inner = folder.relative_to(ROOT / "tests" / "unit")
    return ROOT / inner


UNIT_TESTS = python_files(ROOT / "tests" / "unit")


@pytest.mark.parametrize("folder", sorted({file.parent for file in UNIT_TESTS}), ids=str)
def test_unit_tests_mirror_the_packages(folder: Path) -> None:
    assert (mirrored(folder) / "__init__.py").exists()


def names_a_module(test: Path) -> bool:
    """``test_<module>.py`` or ``test_<module>_<aspect>.py`` beside ``<module>.py``."""
    named = test.stem.removeprefix("test_")
    modules = [file.stem for file in mirrored(test.parent).glob("*.py")]
    return any(named == module or named.startswith(f"{module}_") for module in modules)


def test_unit_tests_name_a_module() -> None:
    tests = [file for file in UNIT_TESTS if file.name != "conftest.py"]
    found = {str(file.relative_to(ROOT)) for file in tests if not names_a_module(file)}
    assert found == set()


def test_tests_share_rigs_and_not_each_other() -> None:
    """But for a contract, which is kept by whatever runs its tests."""
    borrows = re.compile(r"^from tests\.(?!rigs|.*\.test_contract\b)", re.MULTILINE)
    files = python_files(ROOT / "tests")
    found = {str(f.relative_to(ROOT)) for f in files if borrows.search(f.read_text())}
    assert found == set()
