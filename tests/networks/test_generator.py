"""The generator turns its images when its seed map turns, and draws every orientation alike when symmetrized."""

from typing import Any

import pytest
import torch

from steergan import symmetry
from steergan.errors import SymmetryError
from steergan.layers import GroupConvolution, Upsample
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.symmetry import gspace
from steergan.verification import grid_elements, transform, verify

GRID_GROUPS = ["trivial", "C2", "C4", "D1", "D2", "D4"]
SMALL = GeneratorSpec(z_dim=6, embedding_dim=4, seed_width=5, widths=(16, 8, 8))


def small(group: str, latent: str = "dense", shape: tuple[int, int, int] = (1, 16, 16)) -> Generator:
    torch.manual_seed(0)
    return Generator(SMALL.model_copy(update={"group": group, "latent": latent}), shape, 3)


def inputs(generator: Generator, count: int, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(1)
    return torch.randn(count, generator.z_dim, generator=stream, dtype=dtype), torch.arange(count) % 3


@pytest.mark.parametrize("group", GRID_GROUPS[1:])
def test_synthesis_is_proved_equivariant_for_every_element(group: str) -> None:
    found = verify(small(group).synthesis, [4, 5], others=(torch.randn(2, 10),))
    assert found.verdict == "proved", found.sentence
    assert (found.claim, found.group, found.modes) == ("equivariant", group, ("evaluation", "training"))
    assert len(found.elements) == len(grid_elements(gspace(group)))
    assert found.counts()["bounded"] == 0
    errors = [r.finding.bound for r in found.records if r.level == 4]
    assert len(errors) == 4
    assert all(error is not None and error < 1e-5 for error in errors)


def test_nothing_is_claimed_of_a_plain_synthesis() -> None:
    assert verify(small("trivial").synthesis, [4], others=(torch.randn(2, 10),)).verdict == "no claim"


@pytest.mark.parametrize(("group", "elements"), [("C8", 4), ("D8", 8)])
def test_synthesis_off_the_grid_is_proved_at_multiples_of_90_degrees(group: str, elements: int) -> None:
    found = verify(small(group).synthesis, [4], others=(torch.randn(2, 10),), modes=("evaluation",))
    assert found.verdict == "proved", found.sentence
    assert found.group == f"{group} at multiples of 90 degrees"
    assert len(found.elements) == elements
    assert found.counts()["bounded"] > 0


def test_a_shift_per_pixel_is_caught() -> None:
    synthesis = small("C4").synthesis
    ramp = torch.linspace(0, 0.1, 16)

    def shifted(module: Any, x: torch.Tensor, others: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return module(module.in_type(x), *others).tensor + ramp.to(x)

    found = verify(
        synthesis, [4], "equivariant", out_type=synthesis.out_type, others=(torch.randn(2, 10),), call=shifted
    )
    assert found.verdict == "broken"
    assert max(r.finding.bound or 0 for r in found.records if r.level == 4) > 1e-3


@pytest.mark.parametrize("group", ["C2", "C4", "D1", "D4"])
def test_an_element_on_the_seed_map_turns_the_finished_image(group: str) -> None:
    generator = small(group, "symmetrized").double().eval()
    z, y = inputs(generator, 2, torch.float64)
    with torch.no_grad():
        plain = generator(z, y)
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


def test_dense_and_symmetrized_latents_train_alike_under_an_invariant_discriminator() -> None:
    """The gradient of the generator does not see the group element (Birrell et al. 2022; facts measured 9e-15)."""
    generator = small("C4", "symmetrized").double().train()
    torch.manual_seed(2)
    discriminator = Discriminator(DiscriminatorSpec(widths=(8, 8)), (1, 16, 16), 3).double().train()
    z, y = inputs(generator, 8, torch.float64)
    state = {key: value.clone() for key, value in generator.state_dict().items()}
    gradients = []
    for element in (None, torch.arange(8) % 4):
        generator.load_state_dict(state)
        generator.zero_grad()
        torch.nn.functional.softplus(-discriminator.eval()(generator(z, y, element), y)).mean().backward()
        gradients.append([p.grad.clone() for p in generator.parameters() if p.grad is not None])
    scale = max(float(g.abs().max()) for g in gradients[0])
    assert scale > 0
    assert all((a - b).abs().max() < 1e-12 * scale for a, b in zip(*gradients, strict=True))


def test_mixed_embeddings_lie_between_labels() -> None:
    generator = small("C4").eval()
    z, _ = inputs(generator, 1)
    embedded = generator.embedding.weight
    with torch.no_grad():
        decoded = generator.decode(torch.cat([z, embedded[2:3]], dim=1))
        assert torch.equal(decoded, generator(z, torch.tensor([2])))


@pytest.mark.parametrize(("group", "upsamplings"), [("C4", 0), ("C4", 1), ("D4", 2), ("C8", 2)])
def test_synthesis_upsamples_after_so_many_stages_and_then_convolves(group: str, upsamplings: int) -> None:
    """The same function from an upsampling and a convolution, each on its own; with 2, the image's own is upsampled."""
    torch.manual_seed(1)
    shape = (1, 4 * 2**upsamplings, 4 * 2**upsamplings)
    spec = GeneratorSpec(group=group, latent="dense", seed_width=3, widths=(8, 6), upsamplings=upsamplings)
    generator = Generator(spec, shape, 3).double().eval()
    synthesis = generator.synthesis
    layers = [module for module in synthesis.modules() if isinstance(module, GroupConvolution)]
    mode = "bilinear" if group == "C8" else "nearest"
    c = torch.randn(2, 128, dtype=torch.float64)
    x = seed = synthesis.in_type(torch.randn(2, 3, 4, 4, dtype=torch.float64))
    with torch.no_grad():
        for i, layer in enumerate(layers):
            x = layer(Upsample(x.type, 2, mode)(x) if 0 < i <= upsamplings else x)
            if i < 2:
                stage: Any = synthesis.stages[i]
                x = stage.activation(x if stage.norm is None else stage.norm(x, c))
        wanted = synthesis.group_pool(x).tensor
        found = synthesis(seed, c).tensor
    assert tuple(found.shape) == (2, *shape) == synthesis.evaluate_output_shape((2, 3, 4, 4))
    assert (found - wanted).abs().max() < 1e-13 * wanted.abs().max()
    assert wanted.std() > 1e-3


@pytest.mark.parametrize(("group", "fields"), [("trivial", [16, 8, 8]), ("C4", [8, 4, 4]), ("D4", [5, 2, 2])])
def test_widths_become_fields(group: str, fields: list[int]) -> None:
    assert [len(stage.out_type) for stage in small(group).synthesis.stages] == fields


def test_images_of_awkward_sizes_are_refused_by_name() -> None:
    with pytest.raises(SymmetryError, match=r"18 x 18.*multiples of 4"):
        small("C4", shape=(1, 18, 18))
    with pytest.raises(SymmetryError, match=r"16 x 20.*90 degrees"):
        small("C4", shape=(1, 16, 20))
    assert small("D2", shape=(1, 16, 20)).image_shape == (1, 16, 20)


def test_symmetrized_latent_is_refused_off_the_grid() -> None:
    with pytest.raises(SymmetryError, match="symmetrized"):
        small("C8", "symmetrized")


def test_more_upsamplings_than_stages_are_refused() -> None:
    with pytest.raises(SymmetryError, match="upsamplings"):
        Generator(GeneratorSpec(widths=(8,), upsamplings=2), (1, 16, 16), 3)
