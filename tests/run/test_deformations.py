"""Relative stability of runs' discriminators."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from steergan import run
from steergan.errors import RunError
from steergan.metrics import Deformation
from steergan.recipe import Recipe
from steergan.run.build import build_discriminator
from steergan.run.deformations import block_paths, responses_of_discriminator
from steergan.tables import markdown
from tests.thorough import also

MakeRecipe = Callable[..., Recipe]


@pytest.fixture(scope="module")
def copied(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of whose folder others see nothing."""
    return Path(shutil.copytree(tiny_run, tmp_path_factory.mktemp("deformations") / "copy"))


def test_a_run_keeps_one_row_for_a_step_and_is_drawn(copied: Path, tmp_path: Path) -> None:
    found = run.measure_deformations(copied, law=Deformation(0.5), at=6)
    assert [block.block for block in found.blocks] == ["block 1", "block 2", "features", "score"]
    assert found.name == "C4, copy"
    again = run.measure_deformations(copied)
    rows = [json.loads(line) for line in (copied / "metric-deformations.jsonl").read_text().splitlines()]
    [(step, pixels, images)] = [(row["step"], row["deformation_pixels"], row["deformed_images"]) for row in rows]
    assert (step, round(pixels, 2), images) == (6, 0.65, 16)
    assert rows[0]["deformation_blocks"][0]["relative"] == again.blocks[0].relative
    run.save_deformations([again], tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.size[0] > 1000
    told = markdown(run.deformation_table([again]))
    assert "16 held-out images, displacements of 0.65 px" in told
    assert "deformation D" in told
    assert "| C4, copy | C4, copy |" in " ".join(markdown(run.deformation_table([again, again])).split())
    with pytest.raises(RunError, match="hold out different images"):
        run.same_protocol([found, again])


@pytest.mark.parametrize(
    ("overrides", "blocks"),
    [
        (("discriminator.architecture=residual", "discriminator.group=D4"), 2),
        (("discriminator.group_pool=before-last-block", "discriminator.plain_width=4"), 2),
        (('discriminator.group=["C4", "trivial"]',), 2),
        (("discriminator.architecture=modern", "discriminator.group=C4"), 2),
        *also(
            (("discriminator.group=SO2",), 2),
            (("discriminator.group=trivial",), 2),
            (("discriminator.minibatch_deviation=4",), 2),
        ),
    ],
)
def test_every_block_of_every_discriminator_is_heard(
    recipe: MakeRecipe, overrides: tuple[str, ...], blocks: int
) -> None:
    made = recipe("generator.group=trivial", *overrides)
    discriminator = build_discriminator(made, (1, 8, 8), 2).eval()
    image, y = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 0, 1])
    with torch.no_grad():
        found = responses_of_discriminator(discriminator)(image, y)
        assert list(found) == [*(f"block {number}" for number in range(1, blocks + 1)), "features", "score"]
        assert torch.equal(found["features"], discriminator.features(image))
        assert torch.equal(found["score"], discriminator(image, y))
    assert len(set(block_paths(discriminator).values())) == blocks


def test_a_run_without_such_a_discriminator_is_refused(copied: Path) -> None:
    loaded = run.load_run(copied)._replace(discriminator=torch.nn.Conv2d(1, 1, 1))  # type: ignore[arg-type]
    with pytest.raises(RunError, match=r"blocks of a discriminator of single images, and this run's is a Conv2d"):
        run.measure_deformations(loaded)
    (copied / "discriminator.safetensors").rename(copied / "away")
    with pytest.raises(RunError, match=r"discriminator\.safetensors"):
        run.measure_deformations(copied)
    (copied / "away").rename(copied / "discriminator.safetensors")
