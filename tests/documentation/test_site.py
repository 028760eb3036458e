"""The documentation site: it builds without a warning and without the network, and no public name is missing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.public_names import ROOT, functions_and_classes, rooms
from tests.thorough import asked

OUTSIDE = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=\"(?:https?:)?//[^\"]*\"")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "STEERGAN_SITE_WHOLE": str(asked()).lower()},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = [path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")]
    assert [str(page) for page in pages if not (site / page).is_file()] == []


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    assert OUTSIDE.search('<link rel="stylesheet" href="https://fonts.example/x.css">')
    pages = {path.name: OUTSIDE.findall(path.read_text()) for path in site.rglob("*.html")}
    assert pages
    assert {name: found for name, found in pages.items() if found} == {}


@pytest.mark.parametrize("room", rooms())
def test_the_reference_has_every_exported_name(room: str, site: Path) -> None:
    page = site / "reference" / f"{room}.html"
    assert page.is_file(), f"add docs/reference/{room}.md, and its line in mkdocs.yml"
    anchors = set(re.findall(r'id="([\w.]+)"', page.read_text()))
    shown = {name for name in functions_and_classes(room) if anchors & places(room, name)}
    assert sorted(set(functions_and_classes(room)) - shown) == [], "not in the reference, or without a docstring"


def places(room: str, name: str) -> set[str]:
    """Anchors of a name: the room's own; where a module has the same name, the page asks for it by its full path."""
    return {f"steergan.{room}.{name}", f"steergan.{room}.{name}.{name}"}
