"""Maps that are no fields of a type any more: cut out of feature maps, put together, in another order."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from escnn.nn import FieldType
from torch import Tensor

from steergan.layers import GroupConvolution
from steergan.symmetry import field_type
from steergan.verification import verify
from steergan.verification.elements import grid_elements
from steergan.verification.laws.channels import channels_of, map_of_channels
from steergan.verification.laws.law import Lost, mismatch
from tests.verification.laws.programs import assert_law, law_by_tracking
from tests.verification.networks import Program

FIELDS: FieldType = field_type("regular+irrep_2+trivial+regular@C4")
ELEMENTS = tuple(grid_elements(FIELDS.gspace))

MAPS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "the first field": (lambda x: x[:, :4], "regular@C4"),
    "the last ones": (lambda x: x[:, 4:], "irrep_2+trivial+regular@C4"),
    "the other way round": (
        lambda x: torch.cat(x.split([4, 1, 1, 4], 1)[::-1], 1),
        "regular+trivial+irrep_2+regular@C4",
    ),
    "one twice": (lambda x: torch.cat([x[:, :4], x[:, :4]], 1), "2*regular@C4"),
    "shuffled": (
        lambda x: torch.cat([x[:, :4], x[:, 6:]], 1).unflatten(1, (2, 4)).flip(1).flatten(1, 2),
        "2*regular@C4",
    ),
    "a sum": (lambda x: x[:, :4] + x[:, 6:], "regular@C4"),
    "pooled": (lambda x: F.avg_pool2d(x[:, 4:], 2, 1), "irrep_2+trivial+regular@C4"),
    "pooled unevenly": (lambda x: F.adaptive_max_pool2d(x[:, 5:], 3), "trivial+regular@C4"),
    "larger": (lambda x: F.interpolate(x[:, 6:], size=7, mode="bicubic"), "regular@C4"),
}


@pytest.mark.parametrize("name", MAPS)
def test_whole_fields_stay_maps_and_are_followed(name: str) -> None:
    program, words = MAPS[name]
    law = law_by_tracking(program, FIELDS, ELEMENTS, 5)
    assert_law(law, program, FIELDS, ELEMENTS, 5)
    shape = program(torch.zeros(2, FIELDS.size, 5, 5)).shape
    assert mismatch(law, field_type(words), shape, ELEMENTS) is None
    channels = channels_of(law, shape, ELEMENTS)
    assert channels is not None
    assert mismatch(map_of_channels(channels, shape, ELEMENTS), field_type(words), shape, ELEMENTS) is None


@pytest.mark.parametrize(
    "program",
    [
        lambda x: F.avg_pool2d(x[:, :3], 2, 1),
        lambda x: F.max_pool2d(x[:, 4:], 2, 1),  # a maximum of a field that changes its sign
        lambda x: F.interpolate(x[:, 1:5], size=4),
        lambda x: F.avg_pool2d(torch.cat([x[:, :1], x[:, 1:4].flip(-1)], 1), 2, 1),
        lambda x: F.avg_pool2d(x[0], 2, 1),
    ],
)
def test_parts_of_a_field_and_maxima_of_signs_are_lost(program: Callable[[Tensor], Tensor]) -> None:
    assert isinstance(law_by_tracking(program, FIELDS, ELEMENTS, 5), Lost)


def bank(groups: int) -> Tensor:
    """Filters at hand, those of one of our convolutions; in groups each with the same ones."""
    field = field_type("regular@C4")
    convolution = GroupConvolution(field, field, 3, bias=False)
    return convolution.filter_bank().detach().repeat(groups, 1, 1, 1)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_filters_at_hand_meet_maps_without_a_type_and_groups(groups: int, transposed: bool) -> None:
    filters = bank(groups)

    def program(x: Tensor) -> Tensor:
        both = torch.cat([x[:, 6:], x[:, :4]], 1)[:, : 4 * groups]
        if transposed:
            turned = torch.cat([block.transpose(0, 1) for block in filters.to(x).chunk(groups)])
            return F.conv_transpose2d(both, turned, stride=2, padding=1, groups=groups)
        return F.conv2d(both, filters.to(x), padding=1, groups=groups)

    law = law_by_tracking(program, FIELDS, ELEMENTS, 4)
    assert_law(law, program, FIELDS, ELEMENTS, 4)
    shape = program(torch.zeros(2, FIELDS.size, 4, 4)).shape
    assert mismatch(law, field_type(f"{groups}*regular@C4"), shape, ELEMENTS) is None


def test_a_layer_behind_a_rewrapped_map_is_certified() -> None:
    into, out = field_type("2*regular@C4"), field_type("regular@C4")
    convolution = GroupConvolution(into, out, 3, padding=1)

    def way(x: Tensor, cut: int = 4) -> Tensor:
        parts = [F.avg_pool2d(x[:, cut:], 3, 1, 1), x[:, :cut]]
        return convolution(into(torch.cat(parts, 1))).tensor

    for cut, verdict in ((4, "proved"), (3, "not proved")):
        network = Program(lambda x, cut=cut: way(x, cut))
        network.in_type, network.convolution = into, convolution
        found = verify(network, [5], "equivariant", out_type=out, level=2, modes=("evaluation",))
        assert found.verdict == verdict, found.sentence
