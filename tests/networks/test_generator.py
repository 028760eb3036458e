"""The generator turns its images when its seed map turns, and draws every orientation alike when symmetrized."""

import pytest
import torch

from steergan import symmetry
from steergan.errors import SymmetryError
from steergan.networks import Generator, GeneratorSpec
from steergan.verification import grid_elements, transform
from tests.networks.small import (
    GRID_GROUPS,
    discriminator_of,
    discriminator_spec,
    generator_of,
    generator_spec,
    latents,
)


def small(group: str, latent: str = "dense", shape: tuple[int, int, int] = (1, 16, 16)) -> Generator:
    return generator_of(generator_spec(group=group, latent=latent, z_dim=6, seed_width=5, widths=(16, 8, 8)), shape)


@pytest.mark.parametrize("group", ["C2", "C4", "D1", "D4"])
@torch.no_grad()
def test_an_element_on_the_seed_map_turns_the_finished_image(group: str) -> None:
    generator = small(group, "symmetrized")
    z, y = latents(generator)
    plain = generator(z, y, torch.zeros(2, dtype=torch.int64))
    space = generator.synthesis.out_type.gspace
    matrices = {element: matrix for matrix, element in grid_elements(space).items()}
    for number, position in enumerate(symmetry.grid_elements(space)):
        turned = generator(z, y, torch.full((2,), number))
        wanted = transform(plain, generator.synthesis.out_type, matrices[space.fibergroup.elements[position]])
        assert torch.allclose(turned, wanted, atol=1e-12, rtol=0)


def test_elements_are_counted_only_where_there_is_something_to_draw() -> None:
    counts = {group: small(group, "symmetrized").elements for group in GRID_GROUPS}
    assert counts == {"trivial": 0, "C2": 2, "C4": 4, "D1": 2, "D2": 4, "D4": 8}
    assert small("C4", "dense").elements == 0


def test_a_symmetrized_generator_refuses_to_leave_the_invariant_law() -> None:
    generator = small("C4", "symmetrized")
    z, y = latents(generator)
    with pytest.raises(SymmetryError, match=r"wants an element for each image, .* below 4"):
        generator(z, y)
    assert small("trivial", "symmetrized")(z, y).shape == small("C4")(z, y).shape


def test_unless_told_a_generator_is_symmetrized_as_recipes_are() -> None:
    spec = GeneratorSpec(z_dim=4, embedding_dim=4, seed_width=4, widths=(4, 4))
    assert Generator(spec, (1, 8, 8), 3).elements == 4


def test_dense_and_symmetrized_latents_train_alike_under_an_invariant_discriminator() -> None:
    """The gradient of the generator does not see the group element (Birrell et al. 2022; facts measured 9e-15)."""
    generator = small("C4", "symmetrized").train()
    discriminator = discriminator_of(discriminator_spec(widths=(8, 8)), (1, 16, 16))
    z, y = latents(generator, 8)
    state = {key: value.clone() for key, value in generator.state_dict().items()}
    gradients = []
    for element in (torch.zeros(8, dtype=torch.int64), torch.arange(8) % 4):
        generator.load_state_dict(state)
        generator.zero_grad()
        torch.nn.functional.softplus(-discriminator(generator(z, y, element), y)).mean().backward()
        gradients.append([p.grad.clone() for p in generator.parameters() if p.grad is not None])
    scale = max(float(g.abs().max()) for g in gradients[0])
    assert scale > 0
    assert all((a - b).abs().max() < 1e-12 * scale for a, b in zip(*gradients, strict=True))


@torch.no_grad()
def test_mixed_embeddings_lie_between_labels() -> None:
    generator = small("C4")
    z, _ = latents(generator, 1)
    decoded = generator.decode(torch.cat([z, generator.embedding.weight[2:3]], dim=1))
    assert torch.equal(decoded, generator(z, torch.tensor([2])))


def test_images_of_awkward_sizes_are_refused_by_name() -> None:
    with pytest.raises(SymmetryError, match=r"18 x 18.*multiples of 4"):
        small("C4", shape=(1, 18, 18))


def test_symmetrized_latent_is_refused_off_the_grid() -> None:
    with pytest.raises(SymmetryError, match="symmetrized"):
        small("C8", "symmetrized")


def test_more_upsamplings_than_stages_are_refused() -> None:
    with pytest.raises(SymmetryError, match="upsamplings"):
        Generator(GeneratorSpec(widths=(8,), upsamplings=2), (1, 16, 16), 3)
    with pytest.raises(SymmetryError, match="exceeds the 2 entries"):
        Generator(GeneratorSpec(architecture="residual", widths=(8, 8), upsamplings=3), (3, 16, 16), 3)


def test_angles_that_a_group_lacks_are_refused() -> None:
    z = torch.zeros(1, 30)
    with pytest.raises(SymmetryError, match=r"C8 has no rotation by 30 degrees.*multiples of 45"):
        generator_of(generator_spec(group="C8", latent="steerable")).turned(z, 30)
    with pytest.raises(SymmetryError, match=r"SO2 has no reflection and rotation by 0.*no reflections"):
        generator_of(generator_spec(group="SO2", latent="steerable")).turned(z, 0, reflect=True)
    with pytest.raises(SymmetryError, match="steerable"):
        small("C4").turned(z, 90)
