"""The calculus against brute force: what a law predicts of v(g x) is what comes out on numbers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from escnn import nn as enn
from escnn.nn import FieldType
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Size, Tensor

from steergan.symmetry import gspace, regular_type
from steergan.verification.certificates.windows import window_fault, window_starts
from steergan.verification.elements import NAMES, Matrix, grid_elements, transform
from steergan.verification.laws.calculus import combined, gathered, joined, overwritten, pointwise, rearranged
from steergan.verification.laws.law import (
    Fields,
    Fixed,
    Law,
    Lost,
    Mismatch,
    Turning,
    by_value,
    distinct,
    is_uniform,
    mismatch,
    settled,
    unmoved,
    written_out,
)
from steergan.verification.laws.memory import places
from steergan.verification.laws.tracking import LeakWatch, Tracking

SPACES = {name: gspace(name) for name in ("C2", "C4", "D4")}
SHAPE = (2, 3)


def field_type(group: str, kind: str) -> FieldType:
    space = SPACES[group]
    if kind == "regular":
        return regular_type(space, 1)
    if kind == "signs":
        return FieldType(space, [r for r in space.fibergroup.irreps() if r.size == 1][:2])
    return FieldType(space, [space.regular_repr, space.trivial_repr])


def elements_of(group: str) -> tuple[Matrix, ...]:
    return tuple(grid_elements(SPACES[group]))


def assert_law(
    law: Law, function: Callable[[Tensor], Tensor], in_type: FieldType, elements: tuple[Matrix, ...], side: int = 3
) -> None:
    """What the law says of f(g x) holds: of every entry that has an atom's image among the entries, and its sign."""
    if isinstance(law, Lost):
        return
    for seed in range(2):
        x = torch.randn(2, in_type.size, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        plain = function(x)
        if isinstance(law, Fields):
            table = written_out(law, plain.shape, elements)
            assert isinstance(table, Turning)
        else:
            table = law
        ids = table.ids.reshape(plain.shape).flatten()
        value: dict[int, float] = {}
        for n, v in zip(ids.tolist(), plain.flatten().tolist(), strict=True):
            assert value.setdefault(n, v) == pytest.approx(v, rel=1e-6, abs=1e-9), "entries with one id are equal"
        for e, matrix in enumerate(elements):
            moved = function(transform(x, in_type, matrix)).flatten().tolist()
            for n, found in zip(ids.tolist(), moved, strict=True):
                image = n if isinstance(table, Fixed) else int(table.index[e, n])
                sign = 1 if isinstance(table, Fixed) else int(table.sign[e, n])
                if image in value:
                    assert found == pytest.approx(sign * value[image], rel=1e-6, abs=1e-9), NAMES[matrix]


def law_by_tracking(function: Callable[[Tensor], Tensor], in_type: FieldType, elements: Any, side: int = 3) -> Law:
    """What the dispatcher makes of a program."""
    x = torch.randn(2, in_type.size, side, side, dtype=torch.float64)
    tracking = Tracking(torch.nn.Identity(), elements, set())
    tracking.laws[x] = Fields(in_type)
    with torch.no_grad(), LeakWatch(tracking), tracking:
        out = function(x)
    tracking.paused = True
    return settled(tracking.law_of(out))


# --- random programs

ROW = torch.tensor([0.5, -1.25, 2.0], dtype=torch.float64)


def write_middle(x: Tensor) -> Tensor:
    y = x.clone()
    y[..., y.shape[-1] // 2] = 0.0
    return y


def write_view(x: Tensor) -> Tensor:
    y = x.clone()
    y.transpose(-1, -2).mul_(2)
    return y


def add_to_part(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, :1] += x[:, -1:]
    return y


def copy_part(x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :1].copy_(x.flip(1)[:, :1])
    return y


def masked(x: Tensor) -> Tensor:
    y = x.clone()
    y[y < 0] = 0.0
    return y


STEPS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "abs": torch.abs,
    "square": torch.square,
    "neg": torch.neg,
    "double": lambda x: 2 * x,
    "plus one": lambda x: x + 1,
    "one minus": lambda x: 1 - x,
    "flip rows": lambda x: x.flip(-2),
    "flip both": lambda x: x.flip(-1, -2),
    "transpose": lambda x: x.transpose(-1, -2),
    "quarter turn": lambda x: x.rot90(1, (-2, -1)),
    "roll": lambda x: x.roll(1, -1),
    "roll channels": lambda x: x.roll(1, 1),
    "drop a border": lambda x: x[..., 1:-1, 1:-1] if min(x.shape[-2:]) > 2 else x,
    "first channel": lambda x: x[:, :1],
    "twice": lambda x: torch.cat([x, x], 1),
    "with its mirror": lambda x: torch.cat([x, x.flip(-1)], 1),
    "stacked": lambda x: torch.stack([x, -x], 2).flatten(1, 2),
    "plus its transpose": lambda x: x + x.transpose(-1, -2) if x.shape[-1] == x.shape[-2] else x,
    "plus its half turn": lambda x: x + x.flip(-1, -2),
    "times itself turned": lambda x: x * x.flip(-1, -2),
    "centred": lambda x: x - x.mean((2, 3), keepdim=True),
    "minus channel mean": lambda x: x - x.mean(1, keepdim=True),
    "channel sum": lambda x: x.sum(1, keepdim=True),
    "channel maximum": lambda x: x.amax(1, keepdim=True),
    "channel norm": lambda x: x.square().sum(1, keepdim=True).sqrt(),
    "row means": lambda x: x.mean(3, keepdim=True).expand_as(x),
    "softmax over channels": lambda x: x.softmax(1),
    "softmax over pixels": lambda x: x.flatten(2).softmax(2).view(x.shape),
    "maximum with its mirror": lambda x: torch.maximum(x, x.flip(-1)),
    "where positive": lambda x: torch.where(x > 0, x, 0.1 * x),
    "a ramp": lambda x: x + torch.arange(x.shape[-1], dtype=x.dtype),
    "a symmetric mask": lambda x: x * (torch.arange(x.shape[-1]) * torch.arange(x.shape[-1]).flip(0)).to(x.dtype),
    "padded": lambda x: F.pad(x, (1, 1, 1, 1)) if x.shape[-1] < 5 else x,
    "padded askew": lambda x: F.pad(x, (1, 0, 0, 1)) if x.shape[-1] < 5 else x,
    "windowed": lambda x: F.avg_pool2d(x, 3, 1, 1),
    "maximum of windows": lambda x: F.max_pool2d(x, 3, 1, 1),
    "pooled askew": lambda x: F.avg_pool2d(x, 2, 2, 1) if x.shape[-1] > 2 else x,
    "enlarged": lambda x: F.interpolate(x, scale_factor=2) if x.shape[-1] < 4 else x,
    "clamped": lambda x: x.clamp(-0.5, 0.5),
    "sorted away": lambda x: x.var((2, 3), keepdim=True).expand_as(x),
    "written in the middle": write_middle,
    "written through a view": write_view,
    "added to a part": add_to_part,
    "copied into a part": copy_part,
    "masked": masked,
    "divided": lambda x: x / (1 + x.abs().sum((1, 2, 3), keepdim=True)),
    "reshaped": lambda x: x.reshape(x.shape[0], -1).view(x.shape),
    "samples mixed": lambda x: x.flip(0),
    "minus its batch mean": lambda x: x - x.mean(0, keepdim=True),
    "indexed": lambda x: x[:, torch.arange(x.shape[1]).flip(0)],
    "batch norm": lambda x: F.batch_norm(x, None, None, training=True),
    "sign": torch.sign,
    "floor": torch.floor,
    "lerp": lambda x: torch.lerp(x, x.flip(-1, -2), 0.25),
    "split and swapped": lambda x: torch.cat(x.split([1, x.shape[1] - 1], 1)[::-1], 1) if x.shape[1] > 1 else x,
}

CONTINUOUS = STEPS.keys() - {"sign", "floor"}
"""Those that may follow on others: where rounding moves a zero, the other two jump."""


@settings(max_examples=60)
@given(
    group=st.sampled_from(sorted(SPACES)),
    kind=st.sampled_from(["regular", "signs", "mixed"]),
    program=st.lists(st.sampled_from(sorted(CONTINUOUS)), min_size=1, max_size=4),
)
def test_laws_of_random_programs_are_what_happens(group: str, kind: str, program: list[str]) -> None:
    in_type, elements = field_type(group, kind), elements_of(group)

    def function(x: Tensor) -> Tensor:
        for name in program:
            x = STEPS[name](x)
        return x

    assert_law(law_by_tracking(function, in_type, elements), function, in_type, elements)


@pytest.mark.parametrize("name", STEPS)
def test_the_law_of_every_operation_is_what_happens(name: str) -> None:
    for group, kind in (("D4", "regular"), ("C4", "signs"), ("C2", "mixed")):
        in_type, elements = field_type(group, kind), elements_of(group)
        for side in (3, 4):
            law = law_by_tracking(STEPS[name], in_type, elements, side)
            assert_law(law, STEPS[name], in_type, elements, side)


def test_most_operations_keep_their_law() -> None:
    """Otherwise the tests above would show nothing."""
    in_type, elements = field_type("D4", "regular"), elements_of("D4")
    lost = {name for name, step in STEPS.items() if isinstance(law_by_tracking(step, in_type, elements), Lost)}
    assert lost <= {"pooled askew"}, lost


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("relu", True),
        ("channel sum", False),
        ("roll", False),
        ("transpose", False),
        ("centred", True),
        ("a ramp", False),
    ],
)
def test_mismatch_is_found_where_numbers_disagree(name: str, right: bool) -> None:
    in_type, elements = field_type("C4", "regular"), elements_of("C4")
    law = law_by_tracking(STEPS[name], in_type, elements)
    out = STEPS[name](torch.zeros(2, in_type.size, 3, 3))
    wanted = in_type if out.shape[1] == in_type.size else FieldType(SPACES["C4"], [SPACES["C4"].irrep(2)])
    found = mismatch(law, wanted, out.shape, elements)
    assert (found is None) == right
    if not right:
        assert isinstance(found, Mismatch)
        assert found.matrix != elements[0]


def test_invariants_are_told_from_what_moves() -> None:
    in_type, elements = field_type("D4", "regular"), elements_of("D4")
    programs: list[tuple[Callable[[Tensor], Tensor], bool]] = [
        (lambda x: x.sum((1, 2, 3)), True),
        (lambda x: x.amax(1).mean((1, 2)), True),
        (lambda x: x.sum((2, 3)), False),
        (lambda x: x[:, 0, 0, 0], False),
        (lambda x: x.flatten(1).sort(1)[0], False),
        (lambda x: (x * x.flip(-1, -2)).sum((1, 2, 3)), True),  # the half turn commutes with all others
        (lambda x: (x * x.flip(-1)).sum((1, 2, 3)), False),
        (lambda x: (x.sum(1) * x.sum(1).flip(-1, -2)).sum((1, 2)), True),
        (lambda x: x.sum(1)[:, 1, 1], True),
    ]
    for function, wanted in programs:
        law = law_by_tracking(function, in_type, elements)
        assert_law(law, function, in_type, elements)
        assert (unmoved(law, elements) is None) == wanted
    assert unmoved(Lost("why"), elements) == "why"
    assert unmoved(Fields(in_type), elements) is not None


# --- the pieces by themselves

ELEMENTS = elements_of("C4")
"""Of these tests, in which an element's action on atoms is written by hand: 4 atoms in a ring."""

RING = torch.stack([(torch.arange(4) + e) % 4 for e in range(4)])
ONES = torch.ones_like(RING)
ALTERNATING = torch.tensor([[1] * 4, [-1] * 4, [1] * 4, [-1] * 4])


def ring(ids: list[Any], sign: Tensor = ONES) -> Turning:
    return Turning(torch.tensor(ids), RING, sign)


def value_under(law: Turning | Fixed, atoms: Tensor, e: int) -> Tensor:
    """v(g x), by definition."""
    if isinstance(law, Fixed):
        return atoms[law.ids]
    return law.sign[e][law.ids] * atoms[law.index[e][law.ids]]


def test_rearranged_entries_keep_their_atoms() -> None:
    law = ring([[0, 1, 2], [3, 0, 1]])
    moved = rearranged(law, Size((2, 3)), lambda v: v.t().flip(0), ELEMENTS)
    assert isinstance(moved, Turning)
    atoms = torch.randn(4)
    for e in range(4):
        assert torch.equal(value_under(moved, atoms, e), value_under(law, atoms, e).t().flip(0))
    fixed = rearranged(Fixed(torch.tensor([5, 7])), Size((2,)), lambda v: v.repeat(2), ELEMENTS)
    assert isinstance(fixed, Fixed)
    assert fixed.ids.tolist() == [5, 7, 5, 7]
    assert rearranged(Lost("why"), Size((2,)), lambda v: v, ELEMENTS) == Lost("why")


def test_pointwise_functions_keep_signs_only_if_they_are_odd() -> None:
    signed = ring([0, 1, 2, 3], ALTERNATING)
    assert pointwise(signed, "odd") is signed
    assert isinstance(pointwise(signed, "general"), Lost)
    even = pointwise(signed, "even")
    assert isinstance(even, Turning)
    assert bool((even.sign == 1).all())
    plain = ring([0, 1])
    assert pointwise(plain, "general") is plain
    assert isinstance(pointwise(Fields(field_type("C4", "signs")), "general"), Lost)
    regular = Fields(field_type("C4", "regular"))
    assert pointwise(regular, "general") == regular


@pytest.mark.parametrize("signs", ["sum", "product", "general"])
@pytest.mark.parametrize("left", [ONES, ALTERNATING], ids=["plain", "signed"])
@pytest.mark.parametrize("right", [ONES, ALTERNATING, None], ids=["plain", "signed", "constant"])
def test_combined_entries_are_tuples_of_atoms(signs: str, left: Tensor, right: Tensor | None) -> None:
    a = ring([[0], [1], [2]], left)
    b = Fixed(torch.tensor([[0, 1]])) if right is None else ring([[1, 3]], right)
    functions = {
        "sum": lambda u, v: u + 2 * v,
        "product": lambda u, v: u * v,
        "general": lambda u, v: (u - 3 * v).exp(),
    }
    law = combined([a, b], [Size((3, 1)), Size((1, 2))], Size((3, 2)), signs, ELEMENTS)
    same_signs = right is not None and bool((left == right).all())
    may = signs == "product" or (same_signs and (signs == "sum" or left is ONES)) or (right is None and left is ONES)
    assert isinstance(law, Turning) == may
    if not isinstance(law, Turning):
        return
    f, atoms, other = functions[signs], torch.randn(4), torch.randn(4)
    plain = f(value_under(a, atoms, 0), value_under(b, other if right is None else atoms, 0))
    known = dict(zip(law.ids.flatten().tolist(), plain.flatten().tolist(), strict=True))
    for e in range(4):
        found = f(value_under(a, atoms, e), value_under(b, other if right is None else atoms, e)).flatten().tolist()
        for n, value in zip(law.ids.flatten().tolist(), found, strict=True):
            image = int(law.index[e, n])
            if image in known:
                assert value == pytest.approx(int(law.sign[e, n]) * known[image], abs=1e-6)


def test_combined_constants_stay_constants_and_uniform_ones_change_nothing() -> None:
    one = Fixed(torch.zeros((), dtype=torch.int64))
    both = combined([Fixed(torch.tensor([0, 1])), one], [Size((2,)), Size(())], Size((2,)), "sum", ELEMENTS)
    assert isinstance(both, Fixed)
    assert is_uniform(combined([one, one], [Size(()), Size(())], Size((3,)), "general", ELEMENTS))
    fields, shape = Fields(field_type("C4", "signs")), Size((1, 2, 3, 3))
    assert combined([fields, fields], [shape, shape], shape, "sum", ELEMENTS) == fields
    assert combined([fields, one], [shape, Size(())], shape, "product", ELEMENTS) == fields
    assert isinstance(combined([fields, one], [shape, Size(())], shape, "sum", ELEMENTS), Lost)


@pytest.mark.parametrize(
    ("parity", "function"),
    [("odd", lambda rows: rows.sum(1)), ("even", lambda rows: rows.norm(dim=1)), ("general", lambda r: r.amax(1))],
)
def test_gathered_entries_are_multisets(parity: str, function: Callable[[Tensor], Tensor]) -> None:
    for sign in (ONES, ALTERNATING):
        law = ring([0, 1, 2, 3, 0], sign)
        sets = torch.tensor([[0, 1], [1, 2], [2, 3], [3, 4], [0, 2], [1, 3]])
        found = gathered(law, Size((5,)), sets, Size((6,)), parity, 4)
        if sign is ALTERNATING and parity == "general":
            assert isinstance(found, Lost)
            continue
        assert isinstance(found, Turning)
        assert len(found.ids.unique()) == 6
        atoms = torch.randn(4)
        plain = function(value_under(law, atoms, 0)[sets])
        known = dict(zip(found.ids.tolist(), plain.tolist(), strict=True))
        for e in range(4):
            moved = function(value_under(law, atoms, e)[sets]).tolist()
            for n, value in zip(found.ids.tolist(), moved, strict=True):
                assert value == pytest.approx(int(found.sign[e, n]) * known[int(found.index[e, n])], abs=1e-6)


def test_sets_of_different_lengths_are_different_and_mixed_signs_have_no_sum() -> None:
    found = gathered(ring([0, 1]), Size((2,)), torch.tensor([[0, 1], [0, -1]]), Size((2,)), "odd", 4)
    assert isinstance(found, Turning)
    assert found.ids[0] != found.ids[1]
    mixed = torch.tensor([[1, 1, 1, 1], [1, -1, 1, -1], [1] * 4, [1, -1, 1, -1]])
    assert isinstance(gathered(ring([0, 1], mixed), Size((2,)), torch.tensor([[0, 1]]), Size((1,)), "odd", 4), Lost)
    assert isinstance(gathered(Fixed(torch.arange(2)), Size((2,)), torch.tensor([[0, 1]]), Size((1,)), "odd", 4), Fixed)


def test_joined_laws_keep_their_atoms_apart() -> None:
    parts = joined([ring([0, 1]), Fixed(torch.tensor([0, 4])), ring([2], ALTERNATING)])
    assert isinstance(parts, list)
    assert all(isinstance(part, Turning) for part in parts)
    ids = [set(part.ids.tolist()) for part in parts]
    assert not ids[0] & ids[1]
    assert not ids[0] & ids[2]
    assert not ids[1] & ids[2]
    _, fixed, signed = parts
    assert isinstance(fixed, Turning)
    assert isinstance(signed, Turning)
    assert bool((fixed.index[:, fixed.ids] == fixed.ids).all())
    assert signed.sign[:, signed.ids[0]].tolist() == [1, -1, 1, -1]
    assert joined([ring([0]), Lost("why")]) == Lost("why")
    both = joined([Fixed(torch.tensor([0, 1])), Fixed(torch.tensor([0]))])
    assert isinstance(both, list)
    assert set(both[0].ids.tolist()).isdisjoint(both[1].ids.tolist())


def views(whole: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Two tensors in one memory: what is kept, and what is written."""
    yield whole, whole[1:, ::2]
    yield whole[0], whole[:, 1]
    yield whole.t(), whole[:2, :2]
    yield whole[1:], whole[0]
    yield whole[:, :1].expand(-1, 2), whole[1:2]


@pytest.mark.parametrize("number", range(5))
def test_what_was_written_to_shared_memory_is_seen_where_it_is_shared(number: int) -> None:
    whole = torch.arange(12.0).view(3, 4)
    kept, target = list(views(whole))[number]
    old = Turning(distinct(kept.shape) % 4, RING, ONES)
    new = Fixed(distinct(target.shape))
    law = overwritten(old, places(kept), new, places(target))
    assert isinstance(law, Turning)
    before = kept.clone()
    target.add_(100.0)
    changed = kept != before
    for e in range(4):
        still = law.index[e][law.ids] == law.ids
        assert bool(still[changed].all()), "what was written is fixed"
        assert bool((still[~changed] == (e == 0)).all()), "the rest still turns"


def test_constants_are_told_apart_by_value_and_weights_by_place() -> None:
    value = torch.tensor([[0.5, 1.0], [1.0, 0.5]])
    ids = by_value(value)
    assert ids[0, 0] == ids[1, 1]
    assert ids[0, 0] != ids[0, 1]
    assert len(distinct(value.shape).unique()) == 4
    assert is_uniform(Fixed(by_value(torch.ones(3))))
    assert not is_uniform(Fixed(distinct(value.shape)))


def test_settled_laws_of_what_does_not_move_are_fixed() -> None:
    still = Turning(torch.tensor([4, 4]), torch.cat([RING, torch.full((4, 1), 4)], 1), torch.ones(4, 5).long())
    assert isinstance(settled(still), Fixed)
    moving = ring([0])
    assert settled(moving) is moving


# --- windows


def commutes(size: tuple[int, int], kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> bool:
    """Whether sums over windows (and how many windows there are) commute with quarter turns and reflections."""
    taps = torch.ones(1, 1, kernel, kernel)
    impulses = torch.eye(size[0] * size[1]).view(-1, 1, *size)

    def windows(x: Tensor) -> Tensor:
        if not ceil:
            return F.conv2d(x, taps, stride=stride, padding=padding, dilation=dilation)
        # A maximum sees which windows an impulse lies in, padding apart.
        return F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode=True)

    out = windows(impulses)
    for turn in (lambda x: x.rot90(1, (2, 3)), lambda x: x.flip(3), lambda x: x.flip(2)):
        moved = windows(turn(impulses))
        if moved.shape != turn(out).shape or not torch.equal(moved, turn(out)):
            return False
    return True


@pytest.mark.parametrize("kernel", range(1, 5))
@pytest.mark.parametrize("ceil", [False, True])
def test_windows_lie_askew_where_unit_impulses_say_so(kernel: int, ceil: bool) -> None:
    for size in range(3, 10):
        for stride in range(1, 4):
            for padding in range(kernel // 2 + 1):
                for dilation in (1, 2):
                    if dilation * (kernel - 1) + 1 > size + 2 * padding:
                        continue
                    setting = (kernel, stride, padding, dilation, ceil)
                    fault = window_fault((size, size), *setting)
                    right = commutes((size, size), *setting)
                    # Windows that are mirror images pixel by pixel are enough; a window of one pixel, or one that
                    # lies in the padding, may hide that they are not.
                    assert right or fault is not None, (size, setting)
                    assert fault is None or not right or ceil or kernel == 1 or padding, (size, setting, fault)


@pytest.mark.parametrize("ceil", [False, True])
def test_windows_start_where_torch_places_them(ceil: bool) -> None:
    for size in range(3, 10):
        for kernel in range(1, 5):
            for stride in range(1, 4):
                for padding in range(kernel // 2 + 1):
                    if kernel > size + 2 * padding:
                        continue
                    starts = window_starts(size, kernel, stride, padding, 1, ceil)
                    out, where = F.max_pool2d(
                        torch.arange(size, 0.0, -1).view(1, 1, 1, size).double(),
                        (1, kernel), (1, stride), (0, padding), ceil_mode=ceil, return_indices=True,
                    )  # fmt: skip
                    assert out.shape[3] == len(starts)
                    assert where.flatten().tolist() == [max(start, 0) for start in starts]


def test_windows_that_differ_between_axes_and_rectangles_are_told() -> None:
    assert window_fault((6, 6), (2, 3), 1, 0, 1) is not None
    assert window_fault((6, 6), 2, (1, 2), 0, 1) is not None
    assert window_fault((6, 8), 2, 2, 0, 1) is None
    fault = window_fault((6, 7), 2, 2, 0, 1)
    assert fault is not None
    assert "size 7" in fault


def test_escnns_action_is_that_of_the_laws() -> None:
    in_type = FieldType(SPACES["D4"], [SPACES["D4"].regular_repr, SPACES["D4"].trivial_repr])
    x = enn.GeometricTensor(torch.randn(1, in_type.size, 4, 4), in_type)
    law = written_out(Fields(in_type), x.tensor.shape, elements_of("D4"))
    assert isinstance(law, Turning)
    for e, (matrix, element) in enumerate(grid_elements(SPACES["D4"]).items()):
        moved = law.sign[e] * x.tensor.flatten()[law.index[e]]
        assert torch.allclose(moved, x.transform(element).tensor.flatten(), atol=1e-6), NAMES[matrix]
