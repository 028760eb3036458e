"""Equal entries of baked banks are the same bits; one that differs is found."""

import pytest
import torch
from escnn.nn import FieldType

from steergan.exporting.bits import bank_is_equal, bias_is_equal, compare_bits
from steergan.layers import GroupConvolution
from steergan.symmetry import gspace
from tests.exporting.models import REGULAR, small_model
from tests.exporting.test_baking import baked
from tests.thorough import also


@pytest.mark.parametrize("group", ["D4", *also("C2", "C4", "D1", "D2")])
def test_bank_of_any_signed_permutations_is_equal_until_one_bit_is_flipped(group: str) -> None:
    space = gspace(group)
    irreps = [space.irrep(*name) for name in space.regular_repr.irreps]
    fields = FieldType(space, [space.regular_repr, *dict.fromkeys(irreps), space.regular_repr])
    bank = GroupConvolution(fields, fields, 3).export().weight.detach().clone()
    assert bank_is_equal(bank, fields, fields)
    where = bank.nonzero()[len(bank) // 2].tolist()
    bits = bank.view(torch.int32)
    bits[tuple(where)] ^= 1
    assert not bank_is_equal(bank, fields, fields)
    bits[tuple(where)] ^= 1
    zeros = (bank == 0).nonzero()
    if len(zeros):
        bank[tuple(zeros[0])] = 1e-30
        assert not bank_is_equal(bank, fields, fields)


def test_bias_of_a_field_is_one_number() -> None:
    bias = torch.tensor([0.1] * 4 + [0.3] * 4)
    assert bias_is_equal(bias, REGULAR)
    bias.view(torch.int32)[6] ^= 1
    assert not bias_is_equal(bias, REGULAR)


def test_escnns_own_convolutions_are_baked_bit_by_bit() -> None:
    model = small_model()
    found = baked(model)
    bits = compare_bits(model, found)
    assert (bits.banks, bits.wrong) == (4, ())  # two banks, and two biases
    with torch.no_grad():
        found.module.get_submodule("net.4").weight[0, 0, 0, 0] += 1e-6
    assert compare_bits(model, found).wrong == ("net.4",)
