"""Real training images in a generator's place, share by share."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import benchmarks
from benchmarks.shares import measure
from steergan import data
from steergan.metrics import Protocol, choose_extractor, prepare_reference
from steergan.recipe import read_recipe
from steergan.results import read_results


def test_all_training_images_come_to_the_floor_and_the_command_records_every_share(
    tiny_recipe: Path, tmp_path: Path
) -> None:
    recipe = read_recipe(tiny_recipe, ["evaluation.samples=24"])
    half, whole = measure(recipe, [0.5, 1.0])
    assert (half.images, whole.images) == (12, 24)
    train, held_out = (data.load(recipe.data, split) for split in ("train", "held_out"))
    extractor = choose_extractor(recipe.evaluation.features, train.image_shape, data="npz")
    floor = prepare_reference(extractor, train, held_out, Protocol(count=24)).floor
    assert floor.frechet_invariant == pytest.approx(whole.invariant)  # of as many images as there are
    assert half.invariant != whole.invariant
    record = tmp_path / "records" / "shares-tiny.json"
    result = CliRunner().invoke(
        benchmarks, ["shares", str(tiny_recipe), "--share", "0.5", "--share", "1", "--record", str(record)]
    )
    assert result.exit_code == 0, result.output
    (found,) = read_results(record.parent)
    assert [row[:2] for row in found.tables[0].rows] == [["50%", 12], ["100%", 24]]
