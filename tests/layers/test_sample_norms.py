"""Instance and layer norm of fields: torch's with the trivial group, one set of moments per field or sample else."""

import pytest
import torch
from escnn.group import directsum
from escnn.nn import FieldType
from torch.nn.functional import group_norm, instance_norm

from steergan.errors import SteerganError
from steergan.layers import FieldBatchNorm, FieldInstanceNorm, FieldLayerNorm
from steergan.layers.sample_norms import SampleNorm
from steergan.symmetry import fourier_representation, gspace, regular_type, trivial_type
from tests.layers.equivariance import equivariance_error, every_irrep, permutation_type
from tests.thorough import grid

NORMS = {"instance": FieldInstanceNorm, "layer": FieldLayerNorm}


def learned(norm: SampleNorm) -> SampleNorm:
    """With other scales and shifts than the first."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in norm.parameters():
            parameter.add_(torch.randn_like(parameter))
    return norm


def test_with_the_trivial_group_they_are_torchs() -> None:
    fields, x = trivial_type(gspace("trivial"), 6), 3 + torch.randn(2, 6, 5, 5)
    instance, layer = learned(FieldInstanceNorm(fields)), learned(FieldLayerNorm(fields))
    wanted = instance_norm(x, weight=instance.weight, bias=instance.bias)
    assert torch.allclose(instance(fields(x)).tensor, wanted, atol=1e-6)
    assert torch.allclose(layer(fields(x)).tensor, group_norm(x, 1, layer.weight, layer.bias), atol=1e-6)


@pytest.mark.parametrize("make", [permutation_type, every_irrep])
def test_of_a_batch_of_one_instance_norm_is_batch_norm_in_training(make: type) -> None:
    fields = make(gspace("D4"))
    x = fields(2 + torch.randn(1, fields.size, 4, 4))
    instance, batch = FieldInstanceNorm(fields), FieldBatchNorm(fields)
    batch.load_state_dict(learned(instance).state_dict(), strict=False)
    assert torch.allclose(instance(x).tensor, batch.train()(x).tensor, atol=1e-5)


def test_a_sample_does_not_depend_on_its_mates() -> None:
    fields = every_irrep(gspace("C4"))
    x = torch.randn(3, fields.size, 4, 4)
    for kind in NORMS.values():
        norm = learned(kind(fields))
        assert torch.allclose(norm(fields(x)).tensor[1:2], norm(fields(x[1:2])).tensor, atol=1e-6)


def test_a_regular_field_is_normalised_alike_in_any_basis() -> None:
    """As irreps, the regular field's coefficients: the norm of them is the norm of it, in the other basis."""
    space = gspace("C4")
    whole, change = space.regular_repr, torch.from_numpy(space.regular_repr.change_of_basis_inv).float()
    parts = directsum([space.irrep(*name) for name in whole.irreps], name="coefficients")
    regular, irreps = FieldType(space, [whole] * 2), FieldType(space, [parts] * 2)
    x = 1 + torch.randn(2, 2, 4, 3, 3)
    for kind in NORMS.values():
        direct = kind(regular, affine=False)(regular(x.flatten(1, 2))).tensor.unflatten(1, (2, 4))
        other = kind(irreps, affine=False)(irreps(torch.einsum("ij,bfjhw->bfihw", change, x).flatten(1, 2))).tensor
        assert torch.allclose(torch.einsum("ij,bfjhw->bfihw", change, direct).flatten(1, 2), other, atol=1e-5)


@pytest.mark.parametrize(("name", "norm"), grid(("trivial", "C2", "C4", "D1", "D4", "C8", "SO2", "O2"), NORMS))
def test_they_commute_with_every_group(name: str, norm: str) -> None:
    space = gspace(name)
    if name in ("SO2", "O2"):
        types = [FieldType(space, [fourier_representation(space, 2), space.trivial_repr] * 2)]
    else:
        types = [permutation_type(space), regular_type(space, 3), every_irrep(space)]
    for fields in types:
        layer = learned(NORMS[norm](fields))
        if name not in ("SO2", "O2"):  # whose elements are not listed; `tests/networks/test_unet.py` has them
            assert equivariance_error(layer, 5) < 1e-12
        plain = layer.float().export()
        x = torch.randn(2, fields.size, 4, 4)
        assert torch.allclose(plain(x), layer(fields(x)).tensor, atol=1e-5)


def test_a_single_value_is_refused() -> None:
    fields = trivial_type(gspace("trivial"), 2)
    with pytest.raises(SteerganError, match=r"FieldInstanceNorm got a 1 x 1 map .* one value has no variance"):
        FieldInstanceNorm(fields)(fields(torch.ones(1, 2, 1, 1)))
    assert FieldLayerNorm(fields)(fields(torch.tensor([1.0, 3.0]).view(1, 2, 1, 1))).tensor.abs().min() > 0.99
    regular = regular_type(gspace("C4"), 1)
    assert FieldInstanceNorm(regular)(regular(torch.arange(4.0).view(1, 4, 1, 1))).tensor.std() > 0.9
