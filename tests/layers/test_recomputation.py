"""Blocks that are computed twice: the same bits, less that is kept, and no trace of the second time."""

import copy

import pytest
import torch
from torch import Tensor

from steergan.layers import DiscriminatorBlock, FieldBatchNorm, choose_recomputation, run, shared_filters
from steergan.symmetry import gspace, regular_type

REGULAR = regular_type(gspace("C4"), 2)


@pytest.fixture
def block() -> DiscriminatorBlock:
    """In training mode: its norms learn moments, and its spectral norms move."""
    torch.manual_seed(0)
    return DiscriminatorBlock(REGULAR, REGULAR, batch_norm=True)


def outcome(block: DiscriminatorBlock, x: Tensor, *, penalty: bool = False) -> list[Tensor]:
    """Output, gradients, and what a forward leaves behind in the buffers."""
    x = x.clone().requires_grad_()
    with shared_filters(block):
        y = run(block, REGULAR(x)).tensor
        parameters = list(block.parameters())
        if penalty:
            (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
            gradients = torch.autograd.grad(slope.square().sum(), parameters, allow_unused=True)
        else:
            gradients = torch.autograd.grad(y.square().sum(), [x, *parameters])
    return [y.detach(), *(g for g in gradients if g is not None), *(b.clone() for b in block.buffers())]


@pytest.mark.parametrize("penalty", [False, True])
def test_outputs_gradients_moments_and_spectral_norms_are_the_same_bits(
    block: DiscriminatorBlock, penalty: bool
) -> None:
    x = torch.randn(2, REGULAR.size, 6, 6)
    again = copy.deepcopy(block)
    choose_recomputation(again, True)
    kept, recomputed = outcome(block, x, penalty=penalty), outcome(again, x, penalty=penalty)
    assert len(kept) == len(recomputed)
    assert all(torch.equal(a, b) for a, b in zip(kept, recomputed, strict=True))
    (norm, *_) = [m for m in again.modules() if isinstance(m, FieldBatchNorm)]
    assert int(norm.num_batches_tracked) == 1


def bytes_kept(block: DiscriminatorBlock) -> int:
    """Of the maps that a forward keeps for its backward."""
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    x = torch.randn(8, REGULAR.size, 16, 16, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        run(block, REGULAR(x))
    return sum(kept.values())


def test_less_is_kept(block: DiscriminatorBlock) -> None:
    before = bytes_kept(block)
    choose_recomputation(block, True)
    assert bytes_kept(block) < before / 2
    choose_recomputation(block, False)
    assert bytes_kept(block) == before


def test_without_gradients_nothing_is_special(block: DiscriminatorBlock) -> None:
    x = REGULAR(torch.randn(1, REGULAR.size, 6, 6))
    choose_recomputation(block.eval(), True)
    with torch.no_grad():
        assert torch.equal(run(block, x).tensor, block(x).tensor)
