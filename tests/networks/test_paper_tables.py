"""Tables 7 to 14 of Dey et al. 2021, copied by hand, against the networks that the recipes build."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn

from steergan.layers import DiscriminatorBlock, FieldBatchNorm, GeneratorBlock, GroupConvolution, MaxPool
from steergan.layers.pooling import AveragePool
from steergan.networks import Discriminator, Generator
from steergan.recipe import read_recipe
from steergan.run.build import build_discriminator, build_generator
from tests.networks.small import quickly_built

RECIPES = Path(__file__).parents[2] / "recipes"


class Paper(NamedTuple):
    """What the paper says about one data set."""

    side: int
    classes: int
    group: str
    latent: int
    seed: int
    """Channels of the 4 x 4 seed map."""
    generator: dict[str, list[int]]
    """Fields after each block: of the CNN, of the G-CNN."""
    discriminator: dict[str, list[int]]
    sizes: list[int]
    """Side of the discriminator's map after each block."""
    plain: int
    """Of the last blocks, how many come behind the group pooling of the G-CNN."""
    pool: type
    batch_norm: bool


PAPER = {
    "anhir": Paper(
        128, 5, "D4", 128, 128,
        {"cnn": [512, 256, 128, 64, 32], "g": [181, 90, 45, 22, 11]},
        {"cnn": [32, 64, 128, 256, 512], "g": [11, 22, 45, 90, 181]},
        [64, 32, 16, 8, 4], 0, MaxPool, False,
    ),
    "lysto": Paper(
        256, 3, "D4", 128, 128,
        {"cnn": [512, 256, 128, 64, 32, 16], "g": [181, 90, 45, 22, 11, 5]},
        {"cnn": [16, 32, 64, 128, 256, 512], "g": [5, 11, 22, 45, 90, 181]},
        [128, 64, 32, 16, 8, 4], 0, MaxPool, True,
    ),
    "cifar10": Paper(
        32, 10, "C4", 128, 256,
        {"cnn": [256, 256, 256], "g": [128, 128, 128]},
        {"cnn": [128, 128, 128, 128], "g": [64, 64, 64, 128]},
        [16, 8, 8, 8], 1, AveragePool, False,
    ),
    "food101": Paper(
        64, 101, "C4", 64, 1024,
        {"cnn": [512, 384, 256, 192], "g": [256, 192, 128, 96]},
        {"cnn": [128, 256, 512, 784], "g": [64, 128, 256, 784]},
        [32, 16, 8, 4], 1, MaxPool, False,
    ),
}  # fmt: skip
ORDER = {"D4": 8, "C4": 4}
SETTINGS = ["cnn", "g"]


class Built(NamedTuple):
    """A data set's networks, which take seconds to build: of the CNN and of the G-CNN."""

    paper: Paper
    generator: dict[str, Generator]
    discriminator: dict[str, Discriminator]


@pytest.fixture(scope="module", params=PAPER)
def built(request: pytest.FixtureRequest) -> Built:
    """One data set after the other: what a test module's fixture made goes before the next is made."""
    paper, found = PAPER[request.param], Built(PAPER[request.param], {}, {})
    for setting in SETTINGS:
        recipe = read_recipe(RECIPES / "paper" / request.param / f"{setting}-{setting}.toml")
        shape = (3, paper.side, paper.side)
        with quickly_built():
            found.generator[setting] = build_generator(recipe, shape, paper.classes)
            found.discriminator[setting] = build_discriminator(recipe, shape, paper.classes)
    return found


@pytest.mark.parametrize("setting", SETTINGS)
def test_generator_is_the_tables_block_by_block(built: Built, setting: str) -> None:
    paper, generator = built.paper, built.generator[setting]
    group = {"cnn": "trivial", "g": paper.group}[setting]
    order = ORDER.get(group, 1)
    assert (generator.z_dim, generator.embedding.weight.shape) == (paper.latent, (paper.classes, paper.latent))
    assert generator.seed.weight.shape == (paper.seed * 4 * 4, 2 * paper.latent)
    synthesis: Any = generator.synthesis
    layers = list(synthesis.children())
    assert [type(layer).__name__ for layer in layers[1:]] == [
        "FieldBatchNorm", "Pointwise", "GroupConvolution", "GroupPool",
    ]  # fmt: skip
    widths, shape = paper.generator[setting], (1, paper.seed, 4, 4)
    assert all(type(block) is GeneratorBlock for block in synthesis.blocks)
    assert [len(block.out_type) for block in synthesis.blocks] == widths
    for block, width in zip(synthesis.blocks, widths, strict=True):
        assert set(block.out_type.representations) == {block.in_type.gspace.regular_repr}
        side = 2 * shape[2]
        shape = block.evaluate_output_shape(shape)
        assert shape == (1, order * width, side, side)
        assert (block.convolution1.convolution.kernel_size, block.convolution2.kernel_size) == (3, 3)
        assert block.shortcut.kernel_size == 1
    assert synthesis.to_image.kernel_size == 3
    assert len(synthesis.to_image.out_type) == 3
    assert synthesis.evaluate_output_shape((1, paper.seed, 4, 4)) == (1, 3, paper.side, paper.side)


@pytest.mark.parametrize("setting", SETTINGS)
def test_discriminator_is_the_tables_block_by_block(built: Built, setting: str) -> None:
    paper, discriminator = built.paper, built.discriminator[setting]
    group = {"cnn": "trivial", "g": paper.group}[setting]
    order = ORDER.get(group, 1)
    tail: list[Any] = [stage for part in discriminator.tail for stage in part.stages]  # type: ignore[union-attr]
    blocks: list[Any] = [*discriminator.trunk.stages, *tail]
    assert type(blocks.pop()).__name__ == "Pointwise"
    assert all(type(block) is DiscriminatorBlock for block in blocks)
    assert [len(block.out_type) for block in blocks] == paper.discriminator[setting]
    assert len(tail) == (paper.plain and paper.plain + 1)
    shape = (1, 3, paper.side, paper.side)
    for i, (block, width, side) in enumerate(zip(blocks, paper.discriminator[setting], paper.sizes, strict=True)):
        plain = i >= len(blocks) - paper.plain
        if plain:
            shape = (1, block.in_type.size, *shape[2:])
        shape = block.evaluate_output_shape(shape)
        assert shape == (1, width if plain else order * width, side, side)
        kinds = [type(layer) for layer in block.modules()]
        pools = [kind for kind in kinds if kind in (MaxPool, AveragePool)]
        assert pools == [paper.pool] * (2 if side < (paper.side, *paper.sizes)[i] else 0)
        assert kinds.count(FieldBatchNorm) == paper.batch_norm * (1 if i == 0 else 2)
        sizes = [layer.kernel_size for layer in block.modules() if isinstance(layer, GroupConvolution)]
        assert sizes == [3, 3, 1]
    assert discriminator.head.embedding.weight.shape == (paper.classes, paper.discriminator[setting][-1])
    assert (discriminator.global_pool == "sum") == (paper.side == 32)


@pytest.mark.parametrize("setting", SETTINGS)
def test_parameters_are_those_that_the_tables_widths_make(built: Built, setting: str) -> None:
    """Counted by hand: |G| k^2 for a pair of regular fields, k^2 where one side is trivial."""
    paper, generator, discriminator = built.paper, built.generator[setting], built.discriminator[setting]
    order = 1 if setting == "cnn" else ORDER[paper.group]
    c = 2 * paper.latent
    count, fields, pairs = paper.classes * paper.latent + (c + 1) * paper.seed * 16, paper.seed, 1
    for width in paper.generator[setting]:
        # Two 3x3, the shortcut; scales and shifts of two norms; a bias.
        count += 10 * pairs * fields * width + 9 * order * width * width
        count += dense(c, fields) + dense(c, width) + width
        fields, pairs = width, order
    count += 2 * fields + 9 * order * fields * 3 + 3
    assert parameters(generator) == count

    count, fields, pairs = 0, 3, 1
    for i, width in enumerate(paper.discriminator[setting]):
        plain = i >= len(paper.discriminator[setting]) - paper.plain
        own = 1 if plain else order
        count += 10 * (1 if plain else pairs) * fields * width + 9 * own * width * width
        count += width + (0 if paper.batch_norm else width)
        count += paper.batch_norm * 2 * (width + (fields if i else 0))
        fields, pairs = width, order
    assert parameters(discriminator) == count + fields + 1 + paper.classes * fields


def test_cnn_and_g_cnn_are_about_as_large(built: Built) -> None:
    """C.2 says so. The seed map's trivial fields have no rotations to share weights over; generators differ most."""
    for networks in (built.generator, built.discriminator):
        assert 0.8 < parameters(networks["g"]) / parameters(networks["cnn"]) < 1


def test_both_networks_run_and_the_images_fit(built: Built) -> None:
    y = torch.tensor([0])
    with torch.no_grad():
        image = built.generator["g"].eval()(torch.zeros(1, built.paper.latent), y)
        assert image.shape == (1, 3, built.paper.side, built.paper.side)
        assert built.discriminator["g"].eval()(image, y).isfinite().all()


def test_settings_stand_where_the_paper_changes_them() -> None:
    recipes = {name: read_recipe(RECIPES / "paper" / name / "base.toml") for name in PAPER}
    losses = {name: (recipe.loss.name, recipe.loss.r1_weight) for name, recipe in recipes.items()}
    assert losses == {
        "anhir": ("relativistic-average", 0.1), "lysto": ("relativistic-average", 1.0),
        "cifar10": ("hinge", 0.01), "food101": ("relativistic-average", 1.0),
    }  # fmt: skip
    rates = {name: (r.training.generator_rate, r.training.discriminator_rate) for name, r in recipes.items()}
    assert rates == {"anhir": (1e-4, 4e-4), "lysto": (5e-5, 2e-4), "cifar10": (2e-4, 2e-4), "food101": (1e-4, 4e-4)}
    sizes = {name: (r.training.steps, r.training.batch_size) for name, r in recipes.items()}
    assert sizes == {
        "anhir": (60_000, 32), "lysto": (60_000, 16), "cifar10": (100_000, 64), "food101": (45_000, 64),
    }  # fmt: skip
    assert {n: r.training.discriminator_updates for n, r in recipes.items()} == {
        "anhir": 2, "lysto": 2, "cifar10": 4, "food101": 2,
    }  # fmt: skip
    assert {name: recipe.evaluation.samples for name, recipe in recipes.items()} == {
        "anhir": 9469, "lysto": 20_000, "cifar10": 10_000, "food101": 25_250,
    }  # fmt: skip
    assert {name for name, recipe in recipes.items() if recipe.generator.initialization == "normal"} == {"cifar10"}


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def dense(into: int, out: int) -> int:
    """Scale and shift of a conditional batch norm: two dense layers without bias."""
    return 2 * into * out
