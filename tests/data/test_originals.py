from pathlib import Path

import pytest

from steergan.data.originals import Originals, data_folders, folders_below, resolve_path


def test_checksum_follows_names_and_contents_but_not_the_place(tmp_path: Path) -> None:
    def originals(folder: str, name: str, content: str) -> str:
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return Originals("folder", tmp_path / folder, (path,)).checksum()

    first = originals("a", "x/1.png", "one")
    assert originals("b", "x/1.png", "one") == first
    assert len({first, originals("c", "y/1.png", "one"), originals("d", "x/1.png", "two")}) == 3


def test_sub_folders_are_searched_two_levels_deep_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for folder in ("b/c/d", "a", ".git/x"):
        (tmp_path / folder).mkdir(parents=True)
    assert folders_below(tmp_path) == [tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "b/c"]
    assert folders_below(tmp_path / "none") == []


def test_data_folders_are_those_named_then_the_downloads(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_folders() == [cache / "originals"]
    monkeypatch.setenv("STEERGAN_DATA", "/one:/two:")
    monkeypatch.setattr("os.pathsep", ":")
    assert data_folders() == [Path("/one"), Path("/two"), cache / "originals"]


def test_home_and_working_folder_are_understood(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve_path("x") == Path("x")
    assert resolve_path("~/x") == tmp_path / "x"
