"""Layers of escnn's that have a counterpart, and why others have none."""

from collections.abc import Callable
from typing import Any

import pytest
from escnn import gspaces
from escnn import nn as enn
from escnn.nn import FieldType
from torch import nn

from steergan.acceleration import accelerate, replacements
from steergan.symmetry import gspace, regular_type
from tests.stock_models import convolution, mixed


def of(**settings: Any) -> Callable[[], enn.R2Conv]:
    fields = regular_type(gspace("C4"), 1)
    return lambda: convolution(fields, fields, **settings)


def off_the_grid(**settings: Any) -> Callable[[], nn.Module]:
    """Zero at first, which every band holds."""

    def build() -> nn.Module:
        fields = regular_type(gspaces.rot2dOnR2(8), 1)
        layer = convolution(fields, fields, **settings)
        nn.init.zeros_(layer.weights)
        return layer

    return build


def sampled_tanh() -> nn.Module:
    space = gspace("SO2")
    return enn.FourierPointwise(space, 1, space.fibergroup.bl_irreps(1), function="p_tanh", type="regular", N=8)


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
    (off_the_grid(frequencies_cutoff=1.0), r"\d+ free numbers, escnn's default band \d+"),
    (off_the_grid(sigma=[0.3, 0.3]), "beyond the band limit"),
    (lambda: enn.PointwiseAvgPool2D(regular_type(gspace("C4"), 1), 3), "windows of 2 x 2 alone"),
    (lambda: enn.R2Upsampling(regular_type(gspace("C4"), 1), 2, align_corners=True), "without align_corners"),
    (lambda: enn.R2Upsampling(regular_type(gspace("C4"), 1), size=9), "by a whole number alone"),
    (sampled_tanh, "ELU and ReLU alone, not on tanh"),
    (hooked, "hooks"),
    (patched, "a forward of its own"),
    (hooked_parameter, "parameters have hooks"),
    (parametrized, "parametrizations"),
    (subclass, "a subclass of GroupPooling"),
    (sharing, "shares parameters"),
    (stale, "cached filter"),
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
