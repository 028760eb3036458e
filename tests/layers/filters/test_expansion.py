"""From weights to banks and back: adjoint to each other, with derivatives of every order."""

import pytest
import torch
from escnn.nn import FieldType
from hypothesis import given, settings
from hypothesis import strategies as st

from steergan.layers import GroupConvolution
from steergan.symmetry import gspace


class Bank(torch.nn.Module):
    """A layer whose forward gives its filter bank."""

    def __init__(self, layer: GroupConvolution) -> None:
        super().__init__()
        self.layer = layer

    def forward(self) -> torch.Tensor:
        return self.layer.filter_bank()


@pytest.mark.parametrize("name", ["D2", "C4", "C8"])
def test_first_and_second_derivatives_of_the_bank_are_right(name: str) -> None:
    space = gspace(name)
    signed = [space.regular_repr, space.irrep(*(1,) * (1 + (name == "D2")))]
    layer = GroupConvolution(FieldType(space, signed), FieldType(space, [*signed[::-1], space.trivial_repr]), 3)
    bank = Bank(layer.double())
    names = [name for name, _ in bank.named_parameters() if "weights" in name]

    def squared_bank(*weights: torch.Tensor) -> torch.Tensor:
        filters: torch.Tensor = torch.func.functional_call(bank, dict(zip(names, weights, strict=True)), ())
        return filters.square().sum((1, 2, 3))

    weights = [bank.get_parameter(name).detach().clone().requires_grad_() for name in names]
    assert torch.autograd.gradcheck(squared_bank, weights, fast_mode=True)
    assert torch.autograd.gradgradcheck(squared_bank, weights, fast_mode=True)


@settings(max_examples=40)
@given(st.sampled_from(["C2", "C4", "D4"]), st.sampled_from([1, 2, 3, 5]), st.integers(0, 2**31))
def test_contraction_is_the_adjoint_of_expansion(name: str, kernel_size: int, seed: int) -> None:
    torch.manual_seed(seed)
    space = gspace(name)
    irreps = list(space.fibergroup.irreps())
    irrep = irreps[seed % len(irreps)]
    layer = GroupConvolution(
        FieldType(space, [space.regular_repr, irrep]), FieldType(space, [irrep, space.trivial_repr]), kernel_size
    ).double()
    bank = layer.raw_filter()
    probe = torch.randn_like(bank)
    inner = float((bank * probe).sum().detach())
    bank.backward(probe)
    weighted = [(w * w.grad).sum().item() for w in layer.weights if w.grad is not None]
    assert sum(weighted) == pytest.approx(inner, rel=1e-10, abs=1e-10)
