import gzip
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from steergan.data import load, rotmnist
from steergan.recipe.data import SOURCES, Division, Patches, RotMNIST
from steergan_cli.data import SPLITS
from tests.commands import invoke


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STEERGAN_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(rotmnist, "MNIST_COUNT", 40)
    monkeypatch.setattr(rotmnist, "COUNTS", {"train": 20, "held_out": 15})


def write_mnist(folder: Path) -> Path:
    """MNIST's four files, with 30 and 10 images."""
    folder.mkdir(parents=True)
    for part, count in (("train", 30), ("t10k", 10)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), dtype=np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", np.arange(count, dtype=np.uint8) % 10)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    return folder


def test_splits_are_those_that_a_recipe_may_say() -> None:
    assert get_args(Division) == SPLITS


def test_a_name_that_no_recipe_may_say_is_refused_with_those_it_may() -> None:
    result = invoke("data", "prepare", "slides")
    assert result.exit_code == 2
    assert all(f"'{name}'" in result.output for name in SOURCES)


def test_nothing_heavy_is_imported_for_help() -> None:
    code = "import sys, steergan_cli.data; sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'pydantic')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("command", [[], ["list"], ["prepare"], ["preview"]])
def test_every_help_has_an_example(command: list[str]) -> None:
    result = invoke("data", *command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert "steergan data " in result.output.split("Example")[1]


def test_prepare_says_where_the_set_went_and_list_finds_it(tmp_path: Path) -> None:
    write_mnist(tmp_path / "data" / "mnist")
    before = invoke("data", "list")
    assert "rotmnist  MNIST, 4 files" in before.output
    assert "nothing yet" in before.output
    prepared = invoke("data", "prepare", "rotmnist", "--seed", 5)
    assert prepared.exit_code == 0
    images = load(RotMNIST(seed=5), "train")
    assert f"train     20 images of 1 x 28 x 28, 10 classes, sha256 {images.checksum}" in prepared.output
    folder = next(iter((tmp_path / "cache" / "prepared").iterdir()))
    assert f"in {folder}" in prepared.output
    listed = invoke("data", "list").output
    assert folder.name in listed
    assert "20 images of 1 x 28 x 28, 10 classes, 0.0 MB, sha256 " + images.checksum[:12] in listed


def test_list_finds_arrays(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "cells.npz", images=np.zeros((4, 8, 8), np.uint8))
    assert "npz       arrays, 1 file, 0.0 MB, sha256 " in invoke("data", "list").output
    assert "cells.npz" in invoke("data", "list").output


def test_prepare_takes_a_path_and_a_share(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros((20, 8, 8), np.uint8))
    result = invoke("data", "prepare", "npz", "--path", tmp_path / "x.npz", "--held-out", 0.25)
    assert "train     15 images of 1 x 8 x 8, 1 class," in result.output
    assert "held_out  5 images" in result.output


def test_prepared_digits_are_kept_in_memory(tmp_path: Path) -> None:
    result = invoke("data", "prepare", "digits")
    assert "train     8,628 images of 1 x 16 x 16" in result.output
    assert "nothing is kept on disk" in result.output
    assert not (tmp_path / "cache").exists()


def test_download_is_used_when_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(root: str, *, train: bool, download: bool) -> None:
        if train:
            write_mnist(Path(root, "MNIST", "raw"))

    monkeypatch.setattr("torchvision.datasets.MNIST", fetch)
    assert "train     20 images" in invoke("data", "prepare", "rotmnist", "--download").output
    assert str(tmp_path / "cache" / "originals") in invoke("data", "list").output


@pytest.mark.parametrize("more", [["digits"], ["rotmnist", "--path", "x"]])
def test_download_goes_with_rotmnist_alone(more: list[str]) -> None:
    result = invoke("data", "prepare", "--download", *more)
    assert result.exit_code == 2
    assert "--download fetches MNIST" in result.output


def write_slides(folder: Path) -> Path:
    """Four slides of two classes, 48 x 32, full of tissue."""
    for name in ("a/1", "a/2", "b/1", "b/2"):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((32, 48, 3), (120, 80, 60), np.uint8)).save(path)
    return folder


def test_prepare_cuts_patches_as_the_options_say(tmp_path: Path) -> None:
    options = ["--size", 16, "--stride", 8, "--foreground", 0.2, "--split", "right", "--held-out", 0.4]
    result = invoke("data", "prepare", "patches", "--source", write_slides(tmp_path / "x"), *options)
    assert result.exit_code == 0, result.output
    settings = Patches(
        path=str(tmp_path / "x"), size=16, stride=8, foreground=0.2, split="right", held_out=0.4
    )
    train = load(settings, "train")
    assert f"train     {len(train)} images of 3 x 16 x 16, 2 classes, sha256 {train.checksum}" in result.output
    assert "every 8 pixels, at least 0.2 foreground; the right 0.4" in result.output


def test_prepare_of_a_recipe_is_what_the_recipe_uses(tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "mine"\n[data]\nname = "patches"\npath = "elsewhere"\nsize = 16\nsplit = "random"\n')
    result = invoke("data", "prepare", "--recipe", recipe, "--source", write_slides(tmp_path / "x"))
    assert result.exit_code == 0, result.output
    settings = Patches(path=str(tmp_path / "x"), size=16, split="random")
    assert load(settings, "held_out").checksum in result.output
    assert len(list((tmp_path / "cache" / "prepared").glob("patches-*"))) == 1


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ([], "NAME or --recipe FILE is wanted"),
        (["digits", "--recipe", "x.toml"], "NAME or --recipe FILE is wanted"),
        (["--recipe", "x.toml", "--held-out", "0.5"], "--held-out stands in the recipe"),
        (["digits", "--split", "right"], 'data.split = \'right\'; wanted: "auto" with data.name = digits'),
        (["digits", "--size", "8"], "data.size = 8; wanted: no such key with data.name = digits"),
        (["--recipe", "none.toml"], "no such recipe"),
    ],
)
def test_contradictions_are_refused(arguments: list[str], fault: str) -> None:
    result = invoke("data", "prepare", *arguments)
    assert result.exit_code == 2
    assert fault in result.output


def test_damaged_slides_are_named_and_the_rest_is_in_place(tmp_path: Path) -> None:
    (write_slides(tmp_path / "x") / "a" / "3.png").write_bytes(b"nothing")
    options = ["--source", tmp_path / "x", "--size", 16, "--split", "none", "--foreground", 0]
    for _ in range(2):  # again: the set is there, and what it lacks is still said
        result = invoke("data", "prepare", "patches", *options)
        assert result.exit_code == 1
        assert "train     24 images" in result.stdout
        assert result.stderr.startswith("steergan: a/3.png: left out: not a readable image (")
        assert "\nsteergan: 1 left out, the rest is in place; mend" in result.stderr
        assert result.stderr.count("\n") == 2
    assert "left out: a/3.png: not a readable image" in invoke("data", "list").output


def test_list_names_unfinished_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(settings: object) -> None:
        raise KeyboardInterrupt

    options = ["patches", "--source", write_slides(tmp_path / "x"), "--size", 16, "--split", "none"]
    with monkeypatch.context() as patched:
        patched.setattr("steergan.data.slides.find_foreground", stop)
        result = invoke("data", "prepare", *options)
    assert result.exit_code == 130
    [partial] = (tmp_path / "cache" / "prepared").glob(".patches-*.partial")
    assert f"unfinished: {partial}, 0.0 MB; prepare it again to go on" in invoke("data", "list").output
    assert invoke("data", "prepare", *options).exit_code == 0
    assert "unfinished: " not in invoke("data", "list").output


def test_progress_without_a_terminal_is_a_line_with_the_time_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steergan_cli.progress.SECONDS_PER_LINE", 0)
    options = ["--source", write_slides(tmp_path / "x"), "--size", 16, "--split", "none"]
    lines = invoke("data", "prepare", "patches", *options).stderr.splitlines()
    assert lines[0] == "preparing patches: 12 of 24 images, 0:00:00 left"
    assert lines[-1] == "preparing patches: 24 of 24 images, 0:00:00 left"


@pytest.mark.parametrize("option", [["--seed", "-1"], ["--held-out", "1"], ["--held-out", "0"]])
def test_impossible_values_are_refused(option: list[str]) -> None:
    assert invoke("data", "prepare", "digits", *option).exit_code == 2


def test_missing_data_is_one_line_with_what_to_do() -> None:
    result = invoke("data", "prepare", "rotmnist")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert result.output.startswith("steergan: rotmnist: no originals in STEERGAN_DATA")


def test_damaged_data_is_one_line_with_the_file(tmp_path: Path) -> None:
    path = write_mnist(tmp_path / "data") / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    result = invoke("data", "prepare", "rotmnist")
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert f"{path}: damaged gzip file" in result.output


def test_preview_draws_a_row_a_class(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    for name, value in (("dark", 40), ("light", 200)):
        (folder / name).mkdir(parents=True)
        for k in range(5):
            Image.fromarray(np.full((64, 64), value, np.uint8)).save(folder / name / f"{k}.png")
    result = invoke("data", "preview", folder, "--out", tmp_path / "grid.png", "--columns", 3)
    assert result.exit_code == 0, result.output
    assert "8 images of 1 x 64 x 64, 2 classes" in result.output
    sheet = np.asarray(Image.open(tmp_path / "grid.png").convert("L"))
    upper, lower = sheet[: len(sheet) // 2, -200:], sheet[len(sheet) // 2 :, -200:]
    assert (upper == 40).sum() == (lower == 200).sum() == 3 * 64 * 64
    assert (upper == 200).sum() == (lower == 40).sum() == 0


def test_preview_of_digits_needs_no_files(tmp_path: Path) -> None:
    assert invoke("data", "preview", "digits", "--split", "held_out", "--out", tmp_path / "d.png").exit_code == 0
    with Image.open(tmp_path / "d.png") as sheet:
        assert sheet.width > 10 * 64
        assert len(np.unique(np.asarray(sheet))) > 50


def test_preview_draws_what_transforms_do(tiny_recipe: Path, tmp_path: Path) -> None:
    one, all_of_them = tmp_path / "a.png", tmp_path / "b.png"
    recipe = tmp_path / "noisy.toml"
    recipe.write_text(f'extends = "{tiny_recipe}"\n[augmentation]\ntransforms = ["noise"]\n')
    words = ("data", "preview", "--transforms", "--columns", 2)
    for out, which in ((one, ("--recipe", recipe)), (all_of_them, ("digits",))):
        result = invoke(*words, *which, "--out", out)
        assert result.exit_code == 0, result.output
    with Image.open(one) as few, Image.open(all_of_them) as many:
        assert (few.height - 2) // 66 == 3  # as they are, noise, all
        assert (many.height - 2) // 66 == 14


def test_preview_draws_bundled_photographs_and_recipes(tmp_path: Path) -> None:
    result = invoke("data", "preview", "scikit-image:ihc.png", "--size", 100, "--out", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    assert "images of 3 x 100 x 100, 1 class" in result.output
    refused = invoke("data", "preview", "patches", "--out", tmp_path / "a.png")
    assert refused.exit_code == 2
    assert "patches is a kind of data; give the folder or file itself" in refused.output
    recipe = tmp_path / "demo.toml"
    settings = 'name = "patches"\npath = "scikit-image:ihc.png"\nsize = 64\nsplit = "right"\n'
    recipe.write_text(f'name = "demo"\n[data]\n{settings}')
    result = invoke("data", "preview", "--recipe", recipe, "--out", tmp_path / "b.png")
    assert "images of 3 x 64 x 64, 1 class" in result.output
    with Image.open(tmp_path / "b.png") as sheet:
        assert sheet.width > 6 * 64


def test_preview_draws_galaxies_and_list_names_them(tmp_path: Path) -> None:
    result = invoke("data", "preview", "galaxies", "--split", "held_out", "--out", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    assert "images of 3 x 32 x 32, 1 class" in result.output
    listed = invoke("data", "list").output
    assert "galaxies  in the Hubble photograph" in listed
    assert "32 x 32 pixels around each of" in listed


@pytest.mark.parametrize("source", ["digits", "galaxies", "set.npz"])
def test_a_size_that_would_do_nothing_is_refused(tmp_path: Path, source: str) -> None:
    result = invoke("data", "preview", source, "--size", 16, "--out", tmp_path / "a.png")
    assert result.exit_code == 2
    assert "--size cuts patches" in result.output
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("arguments", [[], ["digits", "--recipe", "x.toml"]])
def test_preview_needs_one_source(tmp_path: Path, arguments: list[str]) -> None:
    result = invoke("data", "preview", *arguments, "--out", tmp_path / "a.png")
    assert result.exit_code == 2
    assert "NAME-OR-PATH or --recipe FILE is wanted" in result.output
