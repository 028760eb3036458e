"""`steergan interpolate`: rows of images."""

from pathlib import Path

import numpy as np

from steergan import run as runs
from tests.cli.pictures import pixels
from tests.commands import invoke


def test_interpolation_begins_and_ends_at_its_samples(tiny_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "paths.png"
    told = invoke("interpolate", tiny_run, "--seeds", 4, 9, "--images", 3, "--out", out)
    assert told.exit_code == 0, told.output
    paths = pixels(out)
    tile, pitch = 8 * 8, 8 * 8 + 2
    strip = paths.shape[1] - (3 * pitch + 2)
    assert paths.shape[0] == 4 * pitch + 2
    for label in (0, 1):
        top = 2 + label * pitch
        first = paths[top : top + tile : 8, strip + 2 : strip + 2 + tile : 8]
        np.testing.assert_array_equal(first, runs.sample(tiny_run, [4], [label])[0, 0, 0].numpy())


def test_interpolation_draws_orbits(steerable: Path, tmp_path: Path) -> None:
    told = invoke("interpolate", steerable, "--images", "4", "--out", tmp_path / "paths.png")
    assert told.exit_code == 0, told.output
    assert "6 rows" in told.output


def test_rows_between_chosen_classes(tiny_run: Path, tmp_path: Path) -> None:
    told = invoke(
        "interpolate", tiny_run, "--images", 2, "--between", 1, 0, "--labels", "spherical", "--out", tmp_path / "p.png"
    )
    assert told.exit_code == 0, told.output
    assert "3 rows" in told.output
    for wrong, said in ((["0", "2"], "2"), (["0-1", "0"], "two classes were wanted, one in each place")):
        refused = invoke("interpolate", tiny_run, "--between", *wrong)
        assert refused.exit_code != 0
        assert said in refused.stderr.strip().splitlines()[-1]
