"""Networks of C8, C16, D8, SO(2) and O(2): fields, budgets, penalties, latents that turn, restriction, disks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from sklearn.datasets import load_digits
from torch import Tensor

from steergan.errors import RecipeError, SymmetryError
from steergan.layers import FourierPointwise, Gated, GroupPool, InvariantMap, Pointwise
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.networks.hidden_fields import HiddenFields
from steergan.penalties import r1_penalty
from steergan.pixels import disk_mask
from steergan.recipe import read_recipe
from steergan.run.build import build_discriminator, build_generator
from steergan.symmetry import GROUPS

RECIPES = Path(__file__).parents[2] / "recipes"
OFF_GRID = ["C8", "C16", "D8", "SO2", "O2"]
SMALL = {"latent": "dense", "z_dim": 30, "embedding_dim": 4, "seed_width": 12, "widths": (16, 16, 12)}


def generator_of(group: str, disk: bool = False, **settings: Any) -> Generator:
    torch.manual_seed(0)
    spec = GeneratorSpec.model_validate({**SMALL, "group": group, **settings})
    return Generator(spec, (1, 28, 28), 3, disk=disk).double().eval()


def discriminator_of(group: str | tuple[str, ...], disk: bool = False, **settings: Any) -> Discriminator:
    torch.manual_seed(0)
    spec = DiscriminatorSpec.model_validate({"group": group, "widths": (12, 16, 16), **settings})
    return Discriminator(spec, (1, 28, 28), 3, disk=disk).double().eval()


def latents(generator: Generator, count: int = 2) -> tuple[Tensor, Tensor]:
    stream = torch.Generator().manual_seed(1)
    return torch.randn(count, generator.z_dim, generator=stream, dtype=torch.float64), torch.arange(count) % 3


def difference(a: Tensor, b: Tensor) -> float:
    """Relative to the spread of b."""
    return float((a - b).abs().max() / b.std())


@pytest.mark.parametrize("group", ["C4", "D4", *OFF_GRID])
@pytest.mark.parametrize("architecture", ["plain", "residual"])
@torch.no_grad()
def test_images_turn_with_a_steerable_latent(group: str, architecture: str) -> None:
    generator = generator_of(group, latent="steerable", architecture=architecture)
    z, y = latents(generator)
    images = generator(z, y)
    assert images.shape == (2, 1, 28, 28)
    assert images.std() > 1e-3
    for quarters in (1, 2, 3):
        turned = generator(generator.turned(z, 90 * quarters), y)
        assert difference(turned, torch.rot90(images, quarters, (2, 3))) < 1e-5
        assert difference(turned, images) > 1e-2
    if group in ("D4", "D8", "O2"):
        assert difference(generator(generator.turned(z, 0, reflect=True), y), images.flip(3)) < 1e-5


@pytest.mark.parametrize("group", OFF_GRID)
@pytest.mark.parametrize("architecture", ["plain", "residual"])
@torch.no_grad()
def test_images_turn_with_the_seed_map_of_a_dense_latent(group: str, architecture: str) -> None:
    generator = generator_of(group, architecture=architecture)
    c = torch.randn(2, generator.conditioning, dtype=torch.float64)
    seed = torch.randn(2, *generator.seed_shape, dtype=torch.float64)
    images = generator.render(seed, c)
    assert difference(generator.render(torch.rot90(seed, 1, (2, 3)), c), torch.rot90(images, 1, (2, 3))) < 1e-5


@torch.no_grad()
def test_a_latent_turns_as_escnn_turns_fields() -> None:
    generator = generator_of("D8", latent="steerable")
    z, _ = latents(generator)
    assert generator.latent_type is not None
    element = next(
        g
        for g in generator.latent_type.gspace.fibergroup.elements
        if abs(generator.latent_type.gspace.basespace_action(g) - torch.eye(2).numpy()[::-1]).max() < 1e-9
    )
    wanted = generator.latent_type(z[:, :, None, None]).transform(element).tensor[:, :, 0, 0]
    # The reflection of left and right, then 90 degrees: (x, y) -> (-x, y) -> (-y, -x); and by 270: (y, x).
    assert torch.allclose(generator.turned(z, 270, reflect=True), wanted, atol=1e-12)


def test_angles_that_a_group_lacks_are_refused() -> None:
    z = torch.zeros(1, 30)
    with pytest.raises(SymmetryError, match=r"C8 has no rotation by 30 degrees.*multiples of 45"):
        generator_of("C8", latent="steerable").turned(z, 30)
    with pytest.raises(SymmetryError, match=r"SO2 has no reflection and rotation by 0.*no reflections"):
        generator_of("SO2", latent="steerable").turned(z, 0, reflect=True)
    with pytest.raises(SymmetryError, match="steerable"):
        generator_of("C4").turned(z, 90)


def test_a_latent_too_short_for_a_field_and_a_rectangle_are_refused() -> None:
    with pytest.raises(SymmetryError, match=r"z_dim = 7 .*C8"):
        generator_of("C8", latent="steerable", z_dim=7)
    with pytest.raises(SymmetryError, match="28 x 32"):
        Generator(GeneratorSpec(group="C2", latent="steerable"), (1, 28, 32), 3)


@pytest.mark.parametrize("group", OFF_GRID)
@pytest.mark.parametrize("architecture", ["plain", "residual"])
@torch.no_grad()
def test_scores_do_not_see_quarter_turns(group: str, architecture: str) -> None:
    discriminator = discriminator_of(group, architecture=architecture, batch_norm=architecture == "plain")
    stream = torch.Generator().manual_seed(2)
    images, y = torch.randn(8, 1, 28, 28, generator=stream, dtype=torch.float64), torch.zeros(8, dtype=torch.int64)
    scores = discriminator(images, y)
    for quarters in (1, 2, 3):
        assert difference(discriminator(torch.rot90(images, quarters, (2, 3)), y), scores) < 1e-5
    if group in ("D8", "O2"):
        assert difference(discriminator(images.flip(3), y), scores) < 1e-5
    if group == "SO2":
        assert difference(discriminator(images.flip(3), y), scores) > 1e-2


def test_fields_choose_their_nonlinearity() -> None:
    kinds = {"C8": Pointwise, "SO2": FourierPointwise, "O2": FourierPointwise}
    for group, kind in kinds.items():
        assert any(type(layer) is kind for layer in generator_of(group).modules())
    gated = generator_of("SO2", nonlinearity="gated", latent="steerable")
    assert any(type(layer) is Gated for layer in gated.modules())
    z, y = latents(gated)
    with torch.no_grad():
        images = gated(z, y)
        assert difference(gated(gated.turned(z, 90), y), torch.rot90(images, 1, (2, 3))) < 1e-5
    assert isinstance(discriminator_of("SO2").group_pool, InvariantMap)
    assert isinstance(discriminator_of("C16").group_pool, GroupPool)


def test_what_does_not_suit_the_fields_is_refused_in_a_line() -> None:
    with pytest.raises(SymmetryError, match=r"pointwise.*irreps of SO2.*fourier"):
        generator_of("SO2", nonlinearity="pointwise")
    with pytest.raises(SymmetryError, match=r"gated.*SO2 and O2.*C8"):
        discriminator_of("C8", nonlinearity="gated")
    with pytest.raises(ValidationError, match="'auto', 'pointwise', 'fourier' or 'gated'"):
        HiddenFields(nonlinearity="swish")  # type: ignore[arg-type]
    with pytest.raises(SymmetryError, match=r"max.*irreps of SO2.*average"):
        discriminator_of("SO2", pool="max")
    with pytest.raises(SymmetryError, match=r"C16.*5"):
        generator_of("C16", kernel_size=3)
    with pytest.raises(SymmetryError, match="frequency"):
        generator_of("SO2", frequency=9)


@pytest.mark.parametrize("recipe", ["rotmnist.toml", "rotmnist-small.toml"])
@pytest.mark.parametrize("group", GROUPS)
def test_parameters_match_those_of_c4(recipe: str, group: str) -> None:
    def parameters(name: str) -> list[int]:
        changed = [f"{part}.{key}" for part in ("generator", "discriminator") for key in (f"group={name}",)]
        found = read_recipe(RECIPES / recipe, [*changed, "generator.latent=dense"])
        pair = build_generator(found, (1, 28, 28), 10), build_discriminator(found, (1, 28, 28), 10)
        return [sum(p.numel() for p in network.parameters()) for network in pair]

    for found, wanted in zip(parameters(group), parameters("C4"), strict=True):
        assert abs(found / wanted - 1) < (0.1 if group not in ("trivial", "C2", "D1", "D2", "D4") else 0.16)


@pytest.mark.parametrize("group", ["C4", *OFF_GRID])
@pytest.mark.parametrize("nonlinearity", ["auto", "gated"])
def test_r1_stays_finite_on_digits_with_a_constant_background(group: str, nonlinearity: str) -> None:
    if nonlinearity == "gated" and group not in ("SO2", "O2"):
        pytest.skip("gated fields are those of SO2 and O2")
    digits = torch.from_numpy(load_digits().images[:6])[:, None] / 8 - 1
    images = torch.nn.functional.interpolate(digits.float(), scale_factor=2).requires_grad_()
    torch.manual_seed(0)
    spec = DiscriminatorSpec.model_validate({"group": group, "widths": (8, 8), "nonlinearity": nonlinearity})
    discriminator = Discriminator(spec, (1, 16, 16), 10, disk=True)
    blank = torch.full_like(images[:2], -1).requires_grad_()
    for batch in (images, blank):
        y = torch.arange(len(batch))
        penalty = r1_penalty(discriminator(batch, y), batch, 1.0)
        assert torch.isfinite(penalty)
        gradients = torch.autograd.grad(penalty, list(discriminator.parameters()), allow_unused=True)
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)


# --- restriction


@pytest.mark.parametrize("architecture", ["plain", "residual"])
@torch.no_grad()
def test_a_restricted_discriminator_keeps_the_last_symmetry_and_loses_the_first(architecture: str) -> None:
    discriminator = discriminator_of(("O2", "SO2", "C4", "C2"), widths=(12, 16, 16, 16), architecture=architecture)
    stream = torch.Generator().manual_seed(2)
    images, y = torch.randn(8, 1, 28, 28, generator=stream, dtype=torch.float64), torch.zeros(8, dtype=torch.int64)
    scores = discriminator(images, y)
    assert difference(discriminator(torch.rot90(images, 2, (2, 3)), y), scores) < 1e-5
    assert difference(discriminator(torch.rot90(images, 1, (2, 3)), y), scores) > 1e-2
    assert difference(discriminator(images.flip(3), y), scores) > 1e-2
    assert len(discriminator.trunk.restrictions) == 3


def test_restrictions_have_an_order_and_a_length() -> None:
    with pytest.raises(RecipeError, match="from C4 to C8"):
        discriminator_of(("SO2", "C4", "C8"))
    with pytest.raises(RecipeError, match=r"2 entries.*3"):
        discriminator_of(("SO2", "C4"))
    with pytest.raises(RecipeError, match="before-last-block"):
        discriminator_of(("SO2", "C4", "C4"), group_pool="before-last-block")


def test_a_restriction_to_the_same_group_is_none() -> None:
    assert discriminator_of(("C4", "C4", "C4")).trunk.restrictions == []


# --- disks


@torch.no_grad()
def test_images_in_a_disk_are_black_around_it_and_corners_are_not_seen() -> None:
    generator, discriminator = generator_of("SO2", disk=True), discriminator_of("SO2", disk=True)
    z, y = latents(generator)
    outside = ~torch.as_tensor(disk_mask(28))
    images = generator(z, y)
    assert bool((images[..., outside] == -1).all())
    assert images[..., ~outside].std() > 1e-3
    changed = images.clone()
    changed[..., outside] = 0.7
    assert torch.equal(discriminator(images, y), discriminator(changed, y))
    with pytest.raises(SymmetryError, match="24 x 28"):
        Generator(GeneratorSpec(group="C2"), (1, 24, 28), 3, disk=True)
