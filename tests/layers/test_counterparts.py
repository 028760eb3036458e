"""Layers of escnn's that have a counterpart, and why others have none."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from escnn import gspaces
from escnn import nn as enn
from escnn.group import change_basis
from escnn.nn import FieldType
from torch import nn

from steergan.acceleration import accelerate, replacements
from steergan.symmetry import gspace, regular_type
from tests.stock_models import convolution, mixed


def of(**settings: Any) -> Callable[[], enn.R2Conv]:
    fields = regular_type(gspace("C4"), 1)
    return lambda: convolution(fields, fields, **settings)


def beyond_the_grid() -> nn.Module:
    fields = regular_type(gspaces.rot2dOnR2(8), 1)
    return convolution(fields, fields)


def depthwise() -> nn.Module:
    fields = regular_type(gspace("C4"), 2)
    return convolution(fields, fields, groups=2)


def hooked() -> nn.Module:
    layer = of()()
    layer.register_forward_hook(lambda module, args, output: None)
    return layer


def hooked_parameter() -> nn.Module:
    layer = of()()
    layer.weights.register_hook(lambda gradient: gradient)
    return layer


def patched() -> nn.Module:
    layer = of()()
    layer.forward = lambda x: x
    return layer


def parametrized() -> nn.Module:
    layer = of()()
    nn.utils.parametrize.register_parametrization(layer, "weights", nn.Tanh())
    return layer


def subclass() -> nn.Module:
    class Doubled(enn.GroupPooling):
        pass

    return Doubled(regular_type(gspace("C4"), 1))


def sharing() -> nn.Module:
    first, second = of()(), of()()
    second.weights = first.weights
    return nn.ModuleList([first, second])


def stale() -> nn.Module:
    layer = of()().eval()
    nn.init.normal_(layer.weights)
    return layer


def two_numbers_per_field() -> nn.Module:
    space = gspace("C2")
    double = space.fibergroup.irrep(0) + space.fibergroup.irrep(0)
    layer = convolution(FieldType(space, [space.trivial_repr]), FieldType(space, [double]))
    nn.init.zeros_(layer.bias)
    return layer


def rotated_basis() -> nn.Module:
    turned, _ = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    fields = FieldType(gspace("C4"), [change_basis(gspace("C4").regular_repr, turned.numpy(), "turned")])
    return convolution(fields, fields)


def without_moments() -> nn.Module:
    return enn.InnerBatchNorm(mixed(gspace("C4")), track_running_stats=False)


def unlike_parts() -> nn.Module:
    norm = enn.InnerBatchNorm(mixed(gspace("C4")))
    next(norm.children()).momentum = 0.5
    return norm


def synchronised() -> nn.Module:
    return nn.SyncBatchNorm.convert_sync_batchnorm(enn.InnerBatchNorm(mixed(gspace("C4"))))


def in_space() -> nn.Module:
    space = gspaces.rot3dOnR3()
    return enn.GroupPooling(FieldType(space, [space.trivial_repr]))


STAYING = [
    (depthwise, "groups 2"),
    (of(padding=(1, 2)), r"padding \(1, 2\); one for all sides"),
    (of(frequencies_cutoff=10.0), "not equivariant"),
    (beyond_the_grid, "C8 does not permute pixels"),
    (hooked, "hooks"),
    (patched, "a forward of its own"),
    (hooked_parameter, "parameters have hooks"),
    (parametrized, "parametrizations"),
    (subclass, "a subclass of GroupPooling"),
    (sharing, "shares parameters"),
    (stale, "cached filter"),
    (rotated_basis, "no signed permutations"),
    (two_numbers_per_field, "bias has 2 free numbers"),
    (without_moments, "running moments"),
    (unlike_parts, "different settings"),
    (synchronised, "SyncBatchNorm"),
    (in_space, "not planar"),
]


@pytest.mark.parametrize(("build", "reason"), STAYING, ids=[reason for _, reason in STAYING])
def test_what_has_no_counterpart_stays_and_says_why(build: Callable[[], nn.Module], reason: str) -> None:
    model = build()
    rows = replacements(model)
    assert rows
    for row in rows:
        assert row.new is None
        with pytest.raises(AssertionError, match=reason):
            raise AssertionError(str(row))
    assert accelerate(model) is model
