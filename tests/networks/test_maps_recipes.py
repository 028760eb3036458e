"""Table 4's rows: the published Pix2Pix to the last parameter, and rivals that have as many parameters."""

from pathlib import Path

import pytest
from torch import nn

from steergan.networks import PatchDiscriminator, UNet
from steergan.recipe import TranslationRecipe, read_any_recipe
from tests.thorough import also

MAPS = Path(__file__).parents[2] / "recipes/paper/maps"
SHAPE = (3, 256, 256)


def row(name: str) -> TranslationRecipe:
    recipe = read_any_recipe(MAPS / f"{name}.toml")
    assert isinstance(recipe, TranslationRecipe)
    return recipe


def size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "generator", "discriminator"),
    [
        ("original", 54_414_531, 2_768_705),  # what the authors' PyTorch code counts: 54.414 and 2.769 million
        *also(("optimized", 30_612_803, 1_558_273), ("p4-in-both", 30_604_963, 1_553_281)),
    ],
)
def test_parameters_are_those_of_the_table(name: str, generator: int, discriminator: int) -> None:
    recipe = row(name)
    assert size(UNet(recipe.generator, SHAPE, SHAPE)) == generator
    assert size(PatchDiscriminator(recipe.discriminator, SHAPE, SHAPE)) == discriminator


def test_rows_differ_in_what_the_table_says_and_nothing_else() -> None:
    base = row("optimized")
    rows = {name: row(name) for name in ("original", "p4-in-d", "p4-in-both", "optimized-turned")}
    groups = {name: (one.generator.group, one.discriminator.group) for name, one in rows.items()}
    assert groups == {
        "original": ("trivial", "trivial"),
        "p4-in-d": ("trivial", "C4"),
        "p4-in-both": ("C4", "C4"),
        "optimized-turned": ("trivial", "trivial"),
    }
    assert {name: one.data.moves for name, one in rows.items() if one.data != base.data} == {"optimized-turned": "D4"}
    assert all((one.loss, one.training, one.evaluation) == (base.loss, base.training, base.evaluation)
               for one in rows.values())  # fmt: skip
    original = rows["original"]
    assert (original.generator.resampling, original.generator.dropout) == ("strided", 0.5)
    assert base.training.steps == 200 * 1096
