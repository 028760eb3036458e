import copy
from typing import Any

import pytest
import torch
from escnn.group import directsum
from escnn.nn import FieldType, InnerBatchNorm

from steergan.copies import copied
from steergan.layers import ConditionalBatchNorm, FieldBatchNorm, moments_untouched
from steergan.symmetry import fourier_representation, gspace, regular_type
from tests.layers.equivariance import permutation_type


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


def test_on_regular_fields_it_is_escnns_inner_batch_norm() -> None:
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


FIELD_TYPES = {
    "regular": regular_type(gspace("C4"), 3),
    "mixed": permutation_type(gspace("D4")),
    "off the grid": FieldType(gspace("SO2"), 2 * [fourier_representation(gspace("SO2"), 2)]),
}


@pytest.mark.parametrize("name", FIELD_TYPES)
@pytest.mark.parametrize("processes", [1, 2])
def test_parts_of_a_batch_that_share_their_moments_are_normalised_as_the_whole(name: str, processes: int) -> None:
    """What each of several processes does, one after the other in this one."""
    torch.manual_seed(0)
    whole = FieldBatchNorm(FIELD_TYPES[name], momentum=0.3).double()
    for parameter in whole.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(4, whole.in_type.size, 5, 5, dtype=torch.float64)
    x = x * torch.arange(1, 5).view(4, 1, 1, 1) + torch.randn(whole.in_type.size, 1, 1)
    parts = x.chunk(processes)
    alone = [copied(whole) for _ in parts]
    told: list[list[torch.Tensor]] = []  # by process and message: fields of every size send one

    def tell(own: torch.Tensor) -> torch.Tensor:
        told[-1].append(own.detach())
        return own[None]

    for norm, part in zip(alone, parts, strict=True):
        told.append([])
        norm.gather = tell
        norm(norm.in_type(part))
    together = [copied(whole) for _ in parts]
    normed = []
    for norm, part in zip(together, parts, strict=True):
        messages = zip(*told, strict=True)
        norm.gather = lambda own, messages=messages: torch.stack(next(messages))
        normed.append(norm(norm.in_type(part)).tensor)
    assert torch.allclose(torch.cat(normed), whole(whole.in_type(x)).tensor, atol=1e-10)
    for norm in together:
        assert torch.allclose(norm.running_mean, whole.running_mean, atol=1e-10)
        assert torch.allclose(norm.running_var, whole.running_var, atol=1e-10)
        assert torch.equal(norm.num_batches_tracked, whole.num_batches_tracked)
    apart = torch.allclose(alone[0].running_var, whole.running_var, atol=1e-3)
    assert apart == (processes == 1)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_forwards_that_leave_moments_untouched_normalise_as_others_and_are_not_counted(momentum: float | None) -> None:
    ours, torchs = FieldBatchNorm(regular_type(gspace("C4"), 2), momentum=momentum), torch.nn.BatchNorm2d(8)
    torchs.momentum = momentum
    x = torch.randn(3, 8, 4, 4)
    want = copy.deepcopy(ours)(ours.in_type(x)).tensor, copy.deepcopy(torchs)(x)
    norms: list[Any] = [ours, torchs]
    counters, before = (
        [norm.num_batches_tracked for norm in norms],
        [copy.deepcopy(norm.state_dict()) for norm in norms],
    )
    with moments_untouched(norms):
        found = ours(ours.in_type(x)).tensor, torchs(x)
    assert all(map(torch.equal, found, want))
    for norm, counter, state in zip(norms, counters, before, strict=True):
        assert norm.momentum == momentum
        assert norm.num_batches_tracked is counter
        assert all(torch.equal(tensor, state[key]) for key, tensor in norm.state_dict().items())


def test_resetting_forgets_every_batch() -> None:
    norm = FieldBatchNorm(regular_type(gspace("C4"), 2))
    fresh = copy.deepcopy(norm.state_dict())
    norm(norm.in_type(torch.randn(2, 8, 3, 3)))
    assert int(norm.num_batches_tracked) == 1
    norm.reset_running_stats()
    assert all(torch.equal(tensor, fresh[name]) for name, tensor in norm.state_dict().items())


def test_conditional_norm_scales_by_one_plus_gamma_and_shifts_by_beta() -> None:
    torch.manual_seed(0)
    field_type = permutation_type(gspace("C4"))
    layer = ConditionalBatchNorm(field_type, 3, spectral_norm=False)
    plain = FieldBatchNorm(field_type, affine=False)
    x, c = torch.randn(2, field_type.size, 4, 4), torch.randn(2, 3)
    y = layer(field_type(x), c).tensor.detach()
    assert layer.shift is not None
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


@pytest.mark.parametrize("name", ["C4", "C8", "D4"])
@pytest.mark.parametrize("training", [True, False])
def test_regular_fields_in_a_basis_of_irreps_are_normalised_as_regular_ones(name: str, training: bool) -> None:
    """Parseval: mean and variance over the group are the trivial coefficient and the mean square of the others."""
    torch.manual_seed(0)
    space = gspace(name)
    regular = space.regular_repr
    change = torch.from_numpy(regular.change_of_basis.copy())
    in_irreps = directsum([space.irrep(*irrep) for irrep in regular.irreps], name=f"irreps of {name}")
    plain = ConditionalBatchNorm(FieldType(space, [regular] * 3), 5, spectral_norm=False).double()
    turned = ConditionalBatchNorm(FieldType(space, [in_irreps] * 3), 5, spectral_norm=False).double()
    x, c = torch.randn(4, 3, regular.size, 5, 5).double() + torch.randn(3, 1, 1, 1), torch.randn(4, 5).double()
    with torch.no_grad():
        turned.scale.weight.copy_(plain.scale.weight)
        assert turned.shift is not None
        assert plain.shift is not None
        # A shift of every channel by one number is sqrt(size) times that along the trivial coefficient.
        turned.shift.weight.copy_(plain.shift.weight * regular.size**0.5 * change[:, 0].sum().sign())
        for layer in (plain, turned):
            layer.train(training)
        wanted = plain(plain.in_type(x.flatten(1, 2)), c).tensor.unflatten(1, (3, -1))
        coefficients = torch.einsum("ij,bfihw->bfjhw", change, x).flatten(1, 2)
        found = turned(turned.in_type(coefficients), c).tensor.unflatten(1, (3, -1))
    assert torch.allclose(torch.einsum("ij,bfjhw->bfihw", change, found), wanted, atol=1e-10)
    assert torch.allclose(turned.norm.running_var, plain.norm.running_var, rtol=1e-10)
    assert torch.allclose(turned.norm.running_mean.abs(), plain.norm.running_mean.abs() * regular.size**0.5)


@pytest.mark.parametrize("training", [True, False])
def test_mixed_fields_keep_their_order_and_irreps_are_not_shifted(training: bool) -> None:
    torch.manual_seed(0)
    space = gspace("SO2")
    field, irrep = fourier_representation(space, 2), space.irrep(1)
    mixed = FieldType(space, [field, irrep, space.trivial_repr, field])
    layer = FieldBatchNorm(mixed).double().train(training)
    assert (len(layer.running_mean), len(layer.running_var)) == (3, 4)
    with torch.no_grad():
        for tensor in (layer.weight, layer.bias, layer.running_mean):
            assert tensor is not None
            tensor.normal_()
        layer.running_var.uniform_(0.5, 2)
    x = torch.randn(6, mixed.size, 4, 4).double()
    before = {name: tensor.clone() for name, tensor in layer.named_buffers()}
    with torch.no_grad():
        found = layer(mixed(x)).tensor
    # Field by field, written out: Fourier field, irrep, trivial field, Fourier field; what is trivial has a mean.
    channels, trivial, number = [slice(0, 5), slice(5, 7), slice(7, 8), slice(8, 13)], [0, None, 0, 0], 0
    assert layer.weight is not None
    assert layer.bias is not None
    for f, (own, first) in enumerate(zip(channels, trivial, strict=True)):
        part = x[:, own].clone()
        mean = torch.zeros(part.shape[1]).double()
        shift = torch.zeros(part.shape[1]).double()
        if first is not None:
            mean[first] = part[:, first].mean() if training else before["running_mean"][number]
            shift[first] = layer.bias[number]
            number += 1
        centred = part - mean[:, None, None]
        variance = centred.square().mean() if training else before["running_var"][f]
        wanted = centred / (variance + layer.eps).sqrt() * layer.weight[f] + shift[:, None, None]
        assert torch.allclose(found[:, own], wanted, atol=1e-10)


def test_fields_without_invariants_have_no_shift() -> None:
    space = gspace("SO2")
    layer = ConditionalBatchNorm(FieldType(space, [space.irrep(1)] * 2), 3)
    assert layer.shift is None
    assert layer(layer.in_type(torch.randn(2, 4, 3, 3)), torch.randn(2, 3)).tensor.isfinite().all()


def test_one_number_alone_leaves_the_running_variance_finite() -> None:
    space = gspace("D1")
    layer = FieldBatchNorm(FieldType(space, [space.irrep(1)]), momentum=1.0)
    layer(layer.in_type(torch.full((1, 1, 1, 1), 3.0)))
    assert layer.running_var.tolist() == [9.0]


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("name", ["SO2", "O2"])
def test_on_a_constant_map_the_gradients_of_a_gradient_are_finite(name: str, value: float) -> None:
    space = gspace(name)
    layer = FieldBatchNorm(FieldType(space, [fourier_representation(space, 2)] * 2))
    x = torch.full((2, layer.in_type.size, 4, 4), value, requires_grad=True)
    (first,) = torch.autograd.grad(layer(layer.in_type(x)).tensor.square().sum(), x, create_graph=True)
    first.square().sum().backward()
    assert layer.weight is not None
    for gradient in (first, x.grad, layer.weight.grad):
        assert gradient is not None
        assert gradient.isfinite().all()
