from typing import Any

import pytest
import torch

from steergan.errors import RecipeError, SymmetryError
from steergan.layers import SelfAttention
from steergan.networks.summary import layer_rows
from steergan.symmetry import act, action_table
from tests.networks.small import (
    ARCHITECTURES,
    difference,
    discriminator_of,
    discriminator_spec,
    generator_of,
    generator_spec,
    images_for,
    latents,
)
from tests.thorough import grid

ATTENTION: dict[str, dict[str, Any]] = {
    "invariant": {"attention_biases": True},
    "oriented": {"attention_scores": "oriented", "attention_biases": True},
}


def awake(network: Any) -> Any:
    """With attention that counts."""
    for layer in network.modules():
        if isinstance(layer, SelfAttention):
            torch.nn.init.ones_(layer.gamma)
            if layer.bias is not None:
                torch.nn.init.normal_(layer.bias.table)
    return network


@pytest.mark.parametrize(("group", "architecture", "scores"), grid(("C4", "D4"), ARCHITECTURES, tuple(ATTENTION)))
def test_networks_with_attention_keep_their_symmetry(group: str, architecture: str, scores: str) -> None:
    both = {"group": group, "architecture": architecture, **ATTENTION[scores]}
    spec = generator_spec(**both, latent="symmetrized", widths=(24, 24), upsamplings=1, attention=(False, True))
    generator = awake(generator_of(spec, (1, 8, 8)))
    z, y = latents(generator)
    elements, still = torch.tensor([1, generator.elements - 1]), torch.tensor([0, 0])
    moved = act(generator(z, y, still).detach(), action_table(group, 8, 8), elements)
    assert difference(generator(z, y, elements).detach(), moved) < 1e-11
    discriminator = awake(
        discriminator_of(discriminator_spec(**both, attention=(True, False, False), widths=(24, 24, 24)), (1, 16, 16))
    )
    images, labels = images_for(discriminator)
    scored = discriminator(images, labels).detach()
    assert difference(discriminator(images.rot90(1, (2, 3)), labels).detach(), scored) < 1e-11
    if group == "D4":
        assert difference(discriminator(images.flip(3), labels).detach(), scored) < 1e-11


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_network_begins_as_it_is_without_attention(architecture: str) -> None:
    settings = {"group": "C4", "architecture": architecture}
    spec = generator_spec(**settings)
    plain, attentive = generator_of(spec), generator_of(spec.model_copy(update={"attention": (True, True)}))
    attentive.load_state_dict(plain.state_dict(), strict=False)
    assert torch.equal(attentive(*latents(plain)), plain(*latents(plain)))
    judge = discriminator_spec(**settings)
    seeing, attending = (
        discriminator_of(judge),
        discriminator_of(judge.model_copy(update={"attention": (False, False, True)})),
    )
    attending.load_state_dict(seeing.state_dict(), strict=False)
    assert torch.equal(attending(*images_for(seeing)), seeing(*images_for(seeing)))


def test_maps_are_pooled_where_they_are_even_and_rows_count_the_products() -> None:
    generator = generator_of(
        generator_spec(group="C4", widths=(16, 16, 16), upsamplings=1, attention=(True, False, True)), (1, 10, 10)
    )
    rows = {row.path: row for row in layer_rows(generator, *latents(generator))}
    layers = {name: part for name, part in generator.named_modules() if isinstance(part, SelfAttention)}
    odd, even = layers["synthesis.attention.0"], layers["synthesis.attention.2"]
    assert (odd.pool_key is None, even.pool_key is None) == (True, False)
    # 8 fields of 4 channels: q 1 field, v 4. Four convolutions of 1x1 and 10 x 10 pixels that look at 25.
    convolutions = 32 * (4 + 4 + 16 + 16) * 100
    assert rows["synthesis.attention.2"].multiply_adds == convolutions + 100 * 25 * (4 + 16)
    assert rows["synthesis.attention.0"].size == "32 x 5 x 5"


def test_attention_that_networks_cannot_have_is_refused_in_one_line() -> None:
    with pytest.raises(RecipeError, match=r"generator.attention has 1 entries and generator.widths 2"):
        generator_of(generator_spec(attention=(True,)))
    with pytest.raises(RecipeError, match=r"discriminator.attention has 2 entries and discriminator.widths 3"):
        discriminator_of(discriminator_spec(attention=(True, False)))
    with pytest.raises(SymmetryError, match=r"SO2 got .*; use invariant scores"):
        discriminator_of(discriminator_spec(group="SO2", attention=(True, False, False), attention_scores="oriented"))
    with pytest.raises(SymmetryError, match="heads can't share"):
        discriminator_of(discriminator_spec(group="C4", attention=(True, False, False), attention_heads=5))
