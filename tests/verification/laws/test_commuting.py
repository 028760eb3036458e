"""Pools that are spelled out as sums and maxima of slices: all of an orbit pass, and nothing that misses a part."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from escnn.nn import FieldType
from torch import Tensor

from steergan.verification.laws import law
from tests.verification.laws.programs import SPACES, assert_law, elements_of, field_type, law_by_tracking, phases, total

Pool = Callable[[Tensor], Tensor]


def halves(x: Tensor) -> Tensor:
    rows = (x[..., ::2, :] + x[..., 1::2, :]) / 2
    return (rows[..., ::2] + rows[..., 1::2]) / 2


def in_place(x: Tensor) -> Tensor:
    a, b, c, d = phases(x)
    out = a.clone()
    out += b
    out += c
    out += d
    return out.mul_(0.25)


def pairs(x: Tensor) -> Tensor:
    a, b, c, d = phases(x)
    return (a + b) * 0.25 + 0.25 * (c + d)


def accumulated(x: Tensor, out: Tensor, in_place: bool = False) -> Tensor:
    for part in phases(x):
        out = out.add_(part) if in_place else out + part
    return out / 4


AVERAGES: dict[str, Pool] = {
    "one after the other": lambda x: (phases(x)[0] + phases(x)[1] + phases(x)[2] + phases(x)[3]) / 4,
    "sum()": lambda x: total(phases(x)) / 4,
    "each scaled": lambda x: total(0.25 * part for part in phases(x)),
    "axis by axis": halves,
    "in place": in_place,
    "pairs": pairs,
    "from zeros": lambda x: accumulated(x, torch.zeros_like(x[..., ::2, ::2])),
    "from zeros, in place": lambda x: accumulated(x, torch.zeros_like(x[..., ::2, ::2]), in_place=True),
}
MAXIMA: dict[str, Pool] = {
    "maxima": lambda x: torch.maximum(torch.maximum(*phases(x)[:2]), torch.maximum(*phases(x)[2:])),
    "minima": lambda x: (
        -torch.minimum(-phases(x)[3], torch.minimum(torch.minimum(*(-x for x in phases(x)[:2])), -phases(x)[2]))
    ),
}


def other(function: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Pool:
    return lambda x: function(*phases(x))


BROKEN: dict[str, Pool] = {
    "three of four": other(lambda a, b, c, d: a + b + c),
    "one twice": other(lambda a, b, c, d: a + b + c + torch.add(d, a)),
    "one doubled": other(lambda a, b, c, d: a + b + c + torch.add(a, d, alpha=2) - a),
    "one scaled otherwise": other(lambda a, b, c, d: (a + b) * 0.5 + (c + d) * 0.25),
    "scaled before the last": other(lambda a, b, c, d: (a + b + c) * 0.5 + d),
    "a function between": other(lambda a, b, c, d: (a + b).sigmoid() + (c + d).sigmoid()),
    "a square between": other(lambda a, b, c, d: (a + b) * (a + b) + (c + d) * (c + d)),
    "sums of maxima": other(lambda a, b, c, d: torch.maximum(a, b) + torch.maximum(c, d)),
    "sums of scaled maxima": other(lambda a, b, c, d: torch.maximum(a, b) * 2 + torch.maximum(c, d) * 2),
    "maxima of scaled sums": other(lambda a, b, c, d: torch.maximum((a + b) * 2, (c + d) * 2)),
    "maxima of maxima, scaled between": other(
        lambda a, b, c, d: torch.maximum(torch.maximum(a, b) * -1.0, torch.maximum(c, d) * -1.0)
    ),
    "maxima of sums": other(lambda a, b, c, d: torch.maximum(a + b, c + d)),
    "a difference": other(lambda a, b, c, d: (a - b) + (c - d)),
    "a constant for one": other(lambda a, b, c, d: (a + 1) + b + c + d),
    "rounded quotients": other(
        lambda a, b, c, d: torch.div(a + b, 2, rounding_mode="floor") + torch.div(c + d, 2, rounding_mode="floor")
    ),
}


def broken(pool: Pool, group: str, kind: str, side: int = 4) -> object:
    """Why what a pool makes of a map does not move as the map does; None if it is proved that it does."""
    in_type, elements = field_type(group, kind), elements_of(group)
    found = law_by_tracking(pool, in_type, elements, side)
    assert_law(found, pool, in_type, elements, side)
    return law.mismatch(found, in_type, torch.Size((2, in_type.size, side // 2, side // 2)), elements)


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize("kind", ["regular", "signs", "mixed"])
@pytest.mark.parametrize("name", AVERAGES)
def test_averages_of_slices_are_pools(name: str, group: str, kind: str) -> None:
    assert broken(AVERAGES[name], group, kind) is None
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(AVERAGES[name](x), F.avg_pool2d(x, 2))


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize("name", MAXIMA)
def test_maxima_of_slices_are_pools_where_no_sign_changes(name: str, group: str) -> None:
    assert broken(MAXIMA[name], group, "regular") is None
    assert broken(MAXIMA[name], group, "signs") is not None
    x = torch.randn(1, 2, 4, 4)
    assert torch.equal(MAXIMA[name](x), F.max_pool2d(x, 2))


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize("name", BROKEN)
def test_what_misses_a_part_or_weighs_it_otherwise_is_not_proved(name: str, group: str) -> None:
    assert broken(BROKEN[name], group, "regular") is not None


def test_a_map_averaged_over_the_group_is_invariant_in_whichever_order() -> None:
    def averaged(x: Tensor) -> Tensor:
        turned = [x[:, :1].rot90(k, (-2, -1)) for k in (2, 0, 3, 1)]
        return (turned[0] + turned[1]) / 4 + (turned[2] + turned[3]) / 4

    in_type, elements = field_type("C4", "mixed"), elements_of("C4")

    def of_invariant_channel(x: Tensor) -> Tensor:
        return averaged(x[:, -1:])

    found = law_by_tracking(of_invariant_channel, in_type, elements, 4)
    assert law.unmoved(found, elements) is None


def test_a_whole_map_is_summed_with_its_turns() -> None:
    def turned(x: Tensor) -> Tensor:
        return total([x, x.rot90(1, (-2, -1)), x.rot90(2, (-2, -1)), x.rot90(3, (-2, -1))])

    in_type, elements = FieldType(SPACES["C4"], [SPACES["C4"].trivial_repr]), elements_of("C4")
    assert law.unmoved(law_by_tracking(turned, in_type, elements, 4), elements) is None


def test_parts_of_two_maps_keep_their_order() -> None:
    """Atoms of two maps have nothing to do with each other: v + f(v) is followed as a pair."""
    assert broken(other(lambda a, b, c, d: a + b + c.exp() + d), "C4", "regular") is not None
    assert broken(lambda x: total(phases(x)) + total(phases(x.exp())), "C4", "regular") is None
    maxima = other(lambda a, b, c, d: torch.maximum(a, b) * 2 + torch.maximum(c.exp(), d.exp()) * 2)
    assert broken(maxima, "C2", "regular") is not None  # a half turn takes the first pair of slices to the second
