import copy
from typing import Any

import pytest
import torch
from escnn.nn import FieldType, InnerBatchNorm

from steergan.errors import SymmetryError
from steergan.layers import ConditionalBatchNorm, FieldBatchNorm
from steergan.symmetry import gspace, regular_type


def batches(channels: int, count: int = 3) -> list[torch.Tensor]:
    return [torch.randn(4, channels, 5, 5) * (1 + i) + torch.randn(channels, 1, 1) for i in range(count)]


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
@pytest.mark.parametrize("affine", [True, False])
def test_with_the_trivial_group_it_is_torchs_batch_norm_to_the_last_bit(momentum: float | None, affine: bool) -> None:
    torch.manual_seed(0)
    ours = FieldBatchNorm(regular_type(gspace("trivial"), 6), momentum=momentum, eps=1e-3, affine=affine)
    reference = torch.nn.BatchNorm2d(6, eps=1e-3, momentum=momentum, affine=affine)
    assert list(ours.state_dict()) == list(reference.state_dict())
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.normal_()
    ours.load_state_dict(reference.state_dict())
    for x in batches(6):
        assert torch.equal(ours(ours.in_type(x)).tensor, reference(x))
    for name, tensor in reference.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor)
    ours.eval()
    reference.eval()
    assert torch.equal(ours(ours.in_type(x)).tensor, reference(x))


def test_on_regular_fields_it_is_escnns_inner_batch_norm(permutation_type: Any) -> None:
    torch.manual_seed(0)
    for field_type in (regular_type(gspace("D4"), 3), permutation_type(gspace("C4"))):
        ours, reference = FieldBatchNorm(field_type), InnerBatchNorm(field_type)
        for x in batches(field_type.size):
            want = reference(field_type(x)).tensor
            assert torch.allclose(ours(field_type(x)).tensor, want, atol=1e-5)
        x = x[:2] + 1
        assert torch.allclose(ours.eval()(field_type(x)).tensor, reference.eval()(field_type(x)).tensor, atol=1e-4)


def test_moments_are_pooled_over_batch_space_and_group() -> None:
    field_type = FieldType(gspace("C4"), [gspace("C4").regular_repr, gspace("C4").trivial_repr])
    norm = FieldBatchNorm(field_type, momentum=1.0)
    x = torch.randn(3, 5, 2, 2)
    y = norm(field_type(x)).tensor
    field = x[:, :4]
    assert torch.allclose(norm.running_mean, torch.stack([field.mean(), x[:, 4].mean()]))
    assert torch.allclose(norm.running_var, torch.stack([field.var(), x[:, 4].var()]))
    assert torch.allclose(y[:, :4], (field - field.mean()) / (field.var(unbiased=False) + 1e-5).sqrt(), atol=1e-6)


def test_resetting_forgets_every_batch() -> None:
    norm = FieldBatchNorm(regular_type(gspace("C4"), 2))
    fresh = copy.deepcopy(norm.state_dict())
    norm(norm.in_type(torch.randn(2, 8, 3, 3)))
    assert int(norm.num_batches_tracked) == 1
    norm.reset_running_stats()
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in norm.state_dict().items())


def test_conditional_norm_scales_by_one_plus_gamma_and_shifts_by_beta(permutation_type: Any) -> None:
    torch.manual_seed(0)
    field_type = permutation_type(gspace("C4"))
    layer = ConditionalBatchNorm(field_type, 3, spectral_norm=False)
    plain = FieldBatchNorm(field_type, affine=False)
    x, c = torch.randn(2, field_type.size, 4, 4), torch.randn(2, 3)
    y = layer(field_type(x), c).tensor.detach()
    normed = plain(field_type(x)).tensor
    start = 0
    for field, representation in enumerate(field_type.representations):
        for sample in range(2):
            scale = 1 + float(layer.scale.weight.detach()[field] @ c[sample])
            shift = float(layer.shift.weight.detach()[field] @ c[sample])
            channels = slice(start, start + representation.size)
            assert torch.allclose(y[sample, channels], scale * normed[sample, channels] + shift, atol=1e-5)
        start += representation.size


def test_conditional_norm_divides_its_dense_weights_by_their_spectral_norm() -> None:
    torch.manual_seed(0)
    layer = ConditionalBatchNorm(regular_type(gspace("C4"), 5), 4).eval()
    plain = ConditionalBatchNorm(regular_type(gspace("C4"), 5), 4, spectral_norm=False).eval()
    plain.scale.weight.data = layer.scale.weight.data / torch.linalg.matrix_norm(layer.scale.weight.data, 2)
    plain.shift.weight.data = layer.shift.weight.data / torch.linalg.matrix_norm(layer.shift.weight.data, 2)
    x, c = layer.in_type(torch.randn(2, 20, 3, 3)), torch.randn(2, 4)
    layer.scale.weight.data *= 7
    assert torch.allclose(layer(x, c).tensor, plain(x, c).tensor, atol=1e-3)


def test_a_sample_does_not_depend_on_its_batch_mates_in_evaluation() -> None:
    torch.manual_seed(0)
    layer = ConditionalBatchNorm(regular_type(gspace("C4"), 2), 3).eval()
    x, c = torch.randn(4, 8, 3, 3), torch.randn(4, 3)
    together = layer(layer.in_type(x), c).tensor
    alone = layer(layer.in_type(x[:1]), c[:1]).tensor
    assert torch.allclose(together[:1], alone, atol=1e-6)


@pytest.mark.parametrize("layer", [FieldBatchNorm, lambda t: ConditionalBatchNorm(t, 3)])
def test_fields_that_are_no_permutations_are_refused(layer: Any) -> None:
    space = gspace("C4")
    with pytest.raises(SymmetryError, match=r"'irrep_1'.*not equivariant"):
        layer(FieldType(space, [space.regular_repr, space.irrep(1)]))
