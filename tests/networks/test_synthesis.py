"""The half of a generator that is claimed equivariant: proved for every group, and the same function layer by layer."""

from typing import Any

import pytest
import torch

from steergan.layers import GroupConvolution, Upsample
from steergan.networks import Generator
from steergan.symmetry import gspace
from steergan.verification import grid_elements, verify
from tests.networks.small import (
    ARCHITECTURES,
    OFF_GRID,
    QUICK,
    difference,
    generator_of,
    generator_spec,
)
from tests.thorough import also, grid

PLAIN = {"z_dim": 6, "seed_width": 5, "widths": (16, 8, 8)}
RESIDUAL = {"architecture": "residual", "z_dim": 5, "embedding_dim": 3, "seed_width": 4}


def plain(group: str, upsamplings: int = 2) -> Generator:
    spec = generator_spec(group=group, upsamplings=upsamplings, **PLAIN)
    return generator_of(spec, (1, 4 * 2**upsamplings, 4 * 2**upsamplings)).float()


def residual(group: str, blocks: int) -> Generator:
    spec = generator_spec(group=group, widths=(6,) * blocks, upsamplings=blocks, **RESIDUAL)
    return generator_of(spec, (3, 4 * 2**blocks, 4 * 2**blocks)).float()


@pytest.mark.parametrize("group", ["C4", "D4", *also("C2", "D1", "D2")])
def test_plain_synthesis_is_proved_equivariant_for_every_element(group: str) -> None:
    found = verify(plain(group).synthesis, [4, 5], others=(torch.randn(2, 10),))
    assert found.verdict == "proved", found.sentence
    assert (found.claim, found.group, found.modes) == ("equivariant", group, ("evaluation", "training"))
    assert len(found.elements) == len(grid_elements(gspace(group)))
    assert found.counts()["bounded"] == 0
    errors = [r.finding.bound for r in found.records if r.level == 4]
    assert len(errors) == 4
    assert all(error is not None and error < 1e-5 for error in errors)


@pytest.mark.parametrize(
    ("group", "blocks"), [("C4", 3), ("D1", 1), ("D4", 2), *also(("C2", 1), ("D1", 3), ("D2", 1), ("D4", 1))]
)
def test_residual_synthesis_is_proved_equivariant_whatever_its_depth(group: str, blocks: int) -> None:
    found = verify(residual(group, blocks).synthesis, [4, 5], others=(torch.randn(2, 8),), modes=QUICK)
    assert found.verdict == "proved", found.sentence
    assert found.group == group
    assert found.counts()["bounded"] == 0


def test_nothing_is_claimed_of_a_plain_cnn() -> None:
    assert verify(plain("trivial").synthesis, [4], others=(torch.randn(2, 10),)).verdict == "no claim"


@pytest.mark.parametrize(("group", "elements"), [("C8", 4), *also(("D8", 8))])
def test_synthesis_off_the_grid_is_proved_at_multiples_of_90_degrees(group: str, elements: int) -> None:
    found = verify(plain(group, 1).synthesis, [4], others=(torch.randn(2, 10),), modes=QUICK, off_grid=False)
    assert found.verdict == "proved", found.sentence
    assert found.group == f"{group} at multiples of 90 degrees"
    assert len(found.elements) == elements
    assert found.counts()["bounded"] > 0


def test_residual_synthesis_off_the_grid_is_proved_at_multiples_of_90_degrees() -> None:
    found = verify(residual("C8", 1).synthesis, [4], others=(torch.randn(2, 8),), modes=QUICK, off_grid=False)
    assert found.verdict == "proved", found.sentence
    assert found.group == "C8 at multiples of 90 degrees"


def test_a_shift_per_pixel_is_caught() -> None:
    synthesis = plain("C4").synthesis
    ramp = torch.linspace(0, 0.1, 16)

    def shifted(module: Any, x: torch.Tensor, others: tuple[torch.Tensor, ...]) -> torch.Tensor:
        image: torch.Tensor = module(module.in_type(x), *others).tensor
        return image + ramp.to(x)

    found = verify(
        synthesis, [4], "equivariant", out_type=synthesis.out_type, others=(torch.randn(2, 10),), call=shifted
    )
    assert found.verdict == "broken"
    assert max(r.finding.bound or 0 for r in found.records if r.level == 4) > 1e-3


@pytest.mark.parametrize(("group", "architecture"), grid(OFF_GRID, ARCHITECTURES))
@torch.no_grad()
def test_images_turn_with_the_seed_map(group: str, architecture: str) -> None:
    generator = generator_of(generator_spec(group=group, architecture=architecture))
    c = torch.randn(2, generator.conditioning, dtype=torch.float64)
    seed = torch.randn(2, *generator.seed_shape, dtype=torch.float64)
    images = generator.render(seed, c)
    assert difference(generator.render(torch.rot90(seed, 1, (2, 3)), c), torch.rot90(images, 1, (2, 3))) < 1e-5


@pytest.mark.parametrize(("group", "upsamplings"), [("C4", 0), ("C4", 1), ("D4", 2), ("C8", 2)])
def test_plain_synthesis_upsamples_after_so_many_stages_and_then_convolves(group: str, upsamplings: int) -> None:
    """The same function from an upsampling and a convolution, each on its own; with 2, the image's own is upsampled."""
    shape = (1, 4 * 2**upsamplings, 4 * 2**upsamplings)
    spec = generator_spec(group=group, seed_width=3, widths=(8, 6), upsamplings=upsamplings)
    synthesis = generator_of(spec, shape).synthesis
    layers = [module for module in synthesis.modules() if isinstance(module, GroupConvolution)]
    mode = "bilinear" if group == "C8" else "nearest"
    c = torch.randn(2, 34, dtype=torch.float64)
    x = seed = synthesis.in_type(torch.randn(2, 3, 4, 4, dtype=torch.float64))
    with torch.no_grad():
        for i, layer in enumerate(layers):
            x = layer(Upsample(x.type, 2, mode)(x) if 0 < i <= upsamplings else x)
            if i < 2:
                stage: Any = synthesis.built[i]
                x = stage.activation(x if stage.norm is None else stage.norm(x, c))
        assert synthesis.group_pool is not None
        wanted = synthesis.group_pool(x).tensor
        found = synthesis(seed, c).tensor
    assert tuple(found.shape) == (2, *shape) == synthesis.evaluate_output_shape((2, 3, 4, 4))
    assert (found - wanted).abs().max() < 1e-13 * wanted.abs().max()
    assert wanted.std() > 1e-3
