"""A stock pair is the recipe's pair: the same function, of escnn's modules alone."""

import copy
from typing import Any

import pytest
import torch

from steergan.benchmark import own_pair, stock_pair
from steergan.benchmark.rivals import changed, without_spectral_norm
from steergan.layers import GroupConvolution
from tests.benchmark.tiny import CLASSES, SHAPE, recipe
from tests.thorough import grid


def copy_to_stock(own: torch.nn.Module, stock: torch.nn.Module) -> None:
    """Give the stock network the other's filters, dense weights and embeddings, each in order."""
    ours = [m for m in own.modules() if isinstance(m, GroupConvolution)]
    theirs = [m for m in stock.modules() if type(m).__name__ == "R2Conv"]
    for convolution, target in zip(ours, theirs, strict=True):
        target.load_state_dict(convolution.to_r2conv().state_dict(), strict=False)
    for kind in (torch.nn.Linear, torch.nn.Embedding):
        pairs = zip(*([m for m in net.modules() if isinstance(m, kind)] for net in (own, stock)), strict=True)
        for source, target in pairs:
            target.load_state_dict({k: v for k, v in source.state_dict().items() if k in ("weight", "bias")})


RESIDUAL: dict[str, Any] = {"architecture": "residual"}
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": ({}, {}),
    "residual": (RESIDUAL, RESIDUAL),
    "residual, maxima, norms": (RESIDUAL, {**RESIDUAL, "pool": "max", "batch_norm": True}),
    "residual, plain last block": (RESIDUAL, {**RESIDUAL, "group_pool": "before-last-block", "global_pool": "sum"}),
}


@pytest.mark.parametrize(("group", "kind"), grid(["D4", "C4", "trivial"], list(KINDS)))
def test_stock_rival_computes_the_same_function(group: str, kind: str) -> None:
    generator, discriminator = KINDS[kind]
    settings = changed(without_spectral_norm(recipe(group)), generator=generator, discriminator=discriminator)
    own, stock = own_pair(settings, SHAPE, CLASSES), stock_pair(settings, SHAPE, CLASSES)
    for ours, theirs in zip(own, stock, strict=True):
        copy_to_stock(ours, theirs)  # type: ignore[arg-type]
    draw = torch.Generator().manual_seed(1)
    z, y = torch.randn(4, 5, generator=draw), torch.tensor([0, 1, 2, 1])
    with torch.no_grad():
        image = own.generator(z, y)
        torch.testing.assert_close(stock.generator(z, y), image, rtol=1e-4, atol=1e-5)
        score = own.discriminator(image, y)
        torch.testing.assert_close(stock.discriminator(image, y), score, rtol=1e-4, atol=1e-5)
    assert image.std() > 1e-3
    assert score.std() > 1e-4


def test_stock_rival_turns_its_seed_map_by_the_element_too() -> None:
    symmetrized = recipe().generator.model_copy(update={"latent": "symmetrized"})
    generator = stock_pair(recipe().model_copy(update={"generator": symmetrized}), SHAPE, CLASSES).generator
    assert generator.elements == 4
    generator.eval()
    z, y = torch.randn(1, 5), torch.tensor([2])
    with torch.no_grad():
        upright, turned = (generator(z, y, torch.tensor([g])) for g in (0, 1))
    torch.testing.assert_close(turned, torch.rot90(upright, 1, (2, 3)), rtol=1e-4, atol=1e-5)
    assert (turned - upright).abs().max() > 1e-3


def test_copy_of_a_stock_network_lists_its_own_modules() -> None:
    generator = stock_pair(recipe(), SHAPE, CLASSES).generator
    list(generator.modules())
    twin = copy.deepcopy(generator)
    assert set(twin.modules()) == set(torch.nn.Module.modules(twin))  # type: ignore[arg-type]
    assert not set(twin.modules()) & set(generator.modules())
