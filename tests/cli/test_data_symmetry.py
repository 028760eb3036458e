"""steergan data symmetry: what it prints, and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from tests.commands import invoke


@pytest.fixture
def noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An .npz file of noise without a direction, and of stripes, as two classes."""
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    white = np.random.default_rng(0).normal(size=(120, 12, 12))
    images = np.where(np.arange(120)[:, None, None] % 2, gaussian_filter(white, (0, 1, 1)), white.mean(1)[:, None])
    pixels = (images * 60 + 128).clip(0, 255).astype(np.uint8)
    np.savez(tmp_path / "noise.npz", images=pixels, labels=np.arange(120) % 2)
    return tmp_path / "noise.npz"


def test_a_table_a_finding_and_a_recommendation_are_printed(noise: Path, tmp_path: Path) -> None:
    result = invoke("data", "symmetry", noise, "--permutations", 199, "--out", tmp_path / "x.png")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "npz: 96 training images of 1 x 12 x 12"
    assert lines[1].split() == [
        *("images", "as", "is", "90°", "180°", "left/right", "falling", "diag.", "up/down", "rising", "diag.")
    ]
    assert lines[2].startswith("all classes  2 x 48")
    assert "*" in lines[3]
    assert "*" not in lines[4]
    assert "over 18 tests (Holm)" in lines[5]
    assert "recommended group: D2" in lines
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.format == "PNG"


def test_json_says_everything_with_its_protocol(noise: Path) -> None:
    found = json.loads(invoke("data", "symmetry", noise, "--json", "--permutations", 199, "--seed", 3).output)
    assert found["group"] == "D2"
    assert (found["tests"], found["permutations"], found["seed"]) == (18, 720, 3)
    assert found["features"] == "random filters"
    assert len(found["images_sha256"]) == 64
    assert found["data"]["name"] == "npz"
    assert len(found["subjects"][1]["elements"]) == 6


def test_patches_of_a_photograph_are_tested_with_a_caveat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    result = invoke("data", "symmetry", "scikit-image:ihc.png", "--size", 64, "--permutations", 199)
    assert "recommended group: D4" in result.output
    assert "not quite independent" in result.output
    assert "patches: " in result.output
    assert "of 3 x 64 x 64" in result.output


def test_a_recipe_says_which_images(tiny_recipe: Path) -> None:
    result = invoke("data", "symmetry", "--recipe", tiny_recipe, "--permutations", 199)
    assert result.exit_code == 0, result.output
    assert "too few for a test of its own" in result.output


@pytest.mark.parametrize("arguments", [[], ["digits", "--recipe", "x.toml"]])
def test_one_source_is_wanted(arguments: list[str]) -> None:
    result = invoke("data", "symmetry", *arguments)
    assert result.exit_code == 2
    assert "NAME-OR-PATH or --recipe FILE is wanted" in result.output


@pytest.mark.parametrize("arguments", [["digits"], ["x.npz"], ["--recipe", "x.toml"]])
def test_only_large_images_are_cut(arguments: list[str]) -> None:
    result = invoke("data", "symmetry", *arguments, "--size", 32)
    assert result.exit_code == 2
    assert "--size cuts patches" in result.output


def test_images_that_are_not_square_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    np.savez(tmp_path / "x.npz", images=np.zeros((40, 8, 12), np.uint8))
    result = invoke("data", "symmetry", tmp_path / "x.npz")
    assert result.exit_code == 1
    assert result.output == (
        "steergan: images of 12 x 8 pixels; quarter turns need square images: crop them, or cut patches "
        '(data.name = "patches")\n'
    )


def test_a_class_with_one_image_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    np.savez(tmp_path / "x.npz", images=np.zeros((40, 8, 8), np.uint8), labels=np.array([0] * 39 + [1]))
    result = invoke("data", "symmetry", tmp_path / "x.npz")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "class 1 has 1 image" in result.output
