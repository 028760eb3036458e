"""Docstrings: examples are executed, exported names have one, and each first line stands alone."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

from tests.documentation.public_names import ROOT, docstrings, functions_and_classes, modules, rooms

WITH_EXAMPLES = ("layers", "verification", "metrics", "symmetry", "losses")
SOURCES = [file for folder in ("steergan", "cli", "benchmarks") for file in sorted((ROOT / folder).rglob("*.py"))]
NEIGHBOUR = re.compile(r"(The same|See|Those|That|As|Like|It|They|Its|Their|This|These|And|Also|Likewise|Ditto|Such)\b")
"""A first line that begins so can't be read without the docstring before it."""


@pytest.mark.parametrize("room", rooms())
def test_examples_hold(room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in modules(room):
        assert doctest.testmod(importlib.import_module(name)).failed == 0, name


@pytest.mark.parametrize("room", WITH_EXAMPLES)
def test_exported_names_have_an_example(room: str) -> None:
    exported = functions_and_classes(room)
    assert exported
    assert [name for name, value in exported.items() if ">>>" not in (value.__doc__ or "")] == []


def test_first_lines_stand_alone() -> None:
    found = [(where, text.split("\n")[0]) for file in SOURCES for where, text in docstrings(file)]
    assert len(found) > 1000
    assert [(where, line) for where, line in found if NEIGHBOUR.match(line)] == []
