"""Folders of projections: written whole or not at all, images looked at before."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from steergan import run
from steergan.errors import DataError, RunError
from steergan.pixels import to_uint8
from steergan.run import Search
from steergan.run.projection_files import project_files, read_image
from tests.cli.pictures import pixels

QUICK = Search(steps=2, starts=1)


@pytest.fixture
def image(tiny_run: Path, tmp_path: Path) -> Path:
    """A sample of the run, as a file."""
    path = tmp_path / "some.png"
    Image.fromarray(run.sample(tiny_run, [3], [1])[0, 0, 0].numpy()).save(path)
    return path


def test_a_latent_file_draws_the_projection(tiny_run: Path, image: Path, tmp_path: Path) -> None:
    loaded = run.load_run(tiny_run)
    (record,) = project_files(loaded, [image], tmp_path / "out", search=QUICK)
    assert json.loads((tmp_path / "out/some/projection.json").read_text()) == record
    with np.load(record["latent"]) as latent:
        z, y, element = (torch.from_numpy(latent[name])[None] for name in ("z", "label", "element"))
    assert (int(y), int(element)) == (record["label"], record["element"])
    drawn = to_uint8(loaded.generator(z, y, element).detach())[0, 0].numpy()
    np.testing.assert_array_equal(pixels(tmp_path / "out/some/projection.png"), drawn)
    scale, pad = 8, 2
    comparison = pixels(Path(record["picture"]))[pad:-pad, pad:-pad][::scale, ::scale]
    given = pixels(image).astype(int)
    np.testing.assert_array_equal(comparison[:, :8], given)
    difference = pixels(Path(record["picture"]))[pad:-pad:scale, -pad - 8 * scale : -pad : scale]
    np.testing.assert_array_equal(difference, np.abs(given - drawn))


def test_an_older_projection_is_replaced_or_left_whole(
    tiny_run: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, out = run.load_run(tiny_run), tmp_path / "out"
    for search in (QUICK, Search(steps=1, starts=1)):
        (record,) = project_files(loaded, [image], out, [0], search)
    assert json.loads((out / "some/projection.json").read_text())["steps"] == 1

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("steergan.files.os.rename", full)
    with pytest.raises(RunError, match="No space left"):
        list(project_files(loaded, [image], out, search=QUICK))
    assert [path.name for path in out.iterdir()] == ["some"]
    assert json.loads((out / "some/projection.json").read_text()) == record


def test_images_and_folders_are_refused_before_any_work(tiny_run: Path, image: Path, tmp_path: Path) -> None:
    loaded = run.load_run(tiny_run)
    Image.new("L", (8, 12)).save(tmp_path / "tall.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "coloured.png")
    (tmp_path / "damaged.png").write_bytes(image.read_bytes()[:40])
    (tmp_path / "taken/some").mkdir(parents=True)
    (tmp_path / "taken/some/mine").touch()
    for name, words in (
        ("tall.png", r"12 x 8 pixels came .*8 x 8; crop or scale"),
        ("coloured.png", "channels: 3 came, the run's images have 1; make it gray"),
        ("damaged.png", "not a readable image"),
        ("none.png", "no such file"),
    ):
        with pytest.raises(DataError, match=words):
            list(project_files(loaded, [image, tmp_path / name], tmp_path / "out", search=QUICK))
    with pytest.raises(RunError, match="not empty, and no projection"):
        list(project_files(loaded, [image], tmp_path / "taken", search=QUICK))
    with pytest.raises(RunError, match="2 images named 'some'"):
        list(project_files(loaded, [image, image], tmp_path / "out", search=QUICK))
    assert not (tmp_path / "out").exists()


def test_gray_images_are_coloured_ones_whose_channels_agree(tiny_run: Path, image: Path) -> None:
    loaded = run.load_run(tiny_run)
    loaded.generator.image_shape = (3, 8, 8)
    read = read_image(image, loaded)
    assert torch.equal(read[0], read[2])
    assert torch.equal(read[0], torch.from_numpy(pixels(image).copy()))
