"""What `verify` says of right networks and of wrong ones, and that it leaves them as they were."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from steergan.errors import SteerganError, SubjectError
from steergan.layers import GroupConvolution, GroupPool
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import Subject, assert_equivariant, verify, verify_subject
from steergan.verification.elements import IDENTITY
from tests.thorough import size
from tests.verification import drawn
from tests.verification.networks import HIDDEN, IMAGE, Shifts, assert_same, lift, state_of, stock

UNPROVED = ("dropout", "iid norm")
"""Pieces that commute with the group and that no certificate covers: masks drawn per field, escnn's IIDBatchNorm2d."""


@settings(max_examples=size(6, 100))
@given(network=drawn.networks())
def test_right_networks_are_proved_and_left_as_they_were(network: Any) -> None:
    before, stream = state_of(network.module), torch.get_rng_state()
    found = verify(network.module, network.sizes, others=network.others, level=5)
    assert_same(before, state_of(network.module))
    assert torch.equal(stream, torch.get_rng_state())
    assert found.verdict != "broken", (network.name, found.sentence)
    if not any(part in network.name for part in UNPROVED):
        assert found.verdict == "proved", (network.name, found.sentence)
        assert found.claim == "equivariant"


def with_graph(network: nn.Module) -> nn.Module:
    network.eval()
    assert any(buffer.grad_fn is not None for buffer in network.buffers())
    return network


@pytest.mark.parametrize(
    "prepare",
    [with_graph, lambda m: m.double().train(), lambda m: m.double().eval(), lambda m: m.train(), lambda m: m],
    ids=["evaluation mode with a graph", "float64 in training", "float64 in evaluation", "training", "as made"],
)
def test_modes_and_dtypes_are_taken_as_they_come_and_kept(prepare: Callable[[nn.Module], nn.Module]) -> None:
    network = prepare(stock())
    before = state_of(network)
    found = verify(network, [5])
    assert found.verdict == "proved", found.sentence
    assert_same(before, state_of(network))


def test_a_rectangle_is_claimed_where_it_may_be_and_not_proved_of_quarter_turns() -> None:
    image = trivial_type(gspace("D2"), 1)
    found = verify(GroupConvolution(image, image, 3), [(4, 6)])
    assert (found.verdict, found.sizes) == ("proved", ((4, 6),))
    assert verify(lift(), [(4, 6)], level=2).verdict != "proved"


def test_of_the_trivial_group_nothing_is_claimed() -> None:
    one = trivial_type(gspace("trivial"), 1)
    network = GroupConvolution(one, one, 3)
    found = verify(network, [5])
    assert found.verdict == "no claim"
    assert found.elements == (IDENTITY,)
    with pytest.raises(AssertionError, match="No claim"):
        assert_equivariant(network, [5])


@pytest.mark.parametrize("level", range(7))
def test_without_composition_nothing_is_proved(level: int) -> None:
    found = verify(lift(), [5], level=level)
    assert found.verdict == ("proved" if level >= 2 else "not proved")
    assert max(r.level for r in found.records) <= level


def test_assert_equivariant_passes_on_right_networks_and_fails_with_the_sentence_on_others() -> None:
    assert_equivariant(stock(), [5])
    with pytest.raises(AssertionError, match="NOT equivariant under C4"):
        assert_equivariant(Shifts(lift()), [5])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"modes": ("eval",)}, "evaluation"),
        ({"modes": ()}, "evaluation"),
        ({"modes": "training"}, "evaluation"),
        ({"level": 9}, "0 to 6"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SubjectError, match=words):
        verify(lift(), 5, **settings)


def test_a_plain_module_may_take_tensors_and_have_an_out_type() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_type, self.out_type = IMAGE, HIDDEN
            self.layer = lift()

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.layer(self.in_type(x)).tensor
            return out

    assert verify(Plain(), 5, out_type=HIDDEN).verdict == "proved"


def test_it_is_told_what_is_being_checked() -> None:
    told: list[str] = []
    subject = Subject("lift", lift(), IMAGE, "equivariant", HIDDEN, ((5, 5),))
    verify_subject(subject, modes=("training",), level=4, tell=told.append)
    assert told == [
        "lift: layers and composition at 5 x 5, training mode",
        "lift: algebra",
        "lift: integers",
        "lift: floating point at 5 x 5, training mode",
    ]


# --- claims about the output of a submodule


class PoolsEarly(nn.Module):
    """A discriminator that leaves the group for plain layers, which take maps of five pixels only.

    Args:
        own_group: whether the layers behind have field types of the trivial group, and are escnn modules.
    """

    def __init__(self, own_group: bool) -> None:
        super().__init__()
        self.in_type = IMAGE
        self.lift, self.pool = lift(), GroupPool(HIDDEN)
        one, plain = trivial_type(gspace("trivial"), 2), trivial_type(gspace("trivial"), 3)
        self.behind_type = one if own_group else None
        self.plain: nn.Module = GroupConvolution(one, plain, 3) if own_group else nn.Conv2d(2, 3, 3, padding=1)
        self.head = nn.Linear(3 * 5 * 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.pool(self.lift(IMAGE(x))).tensor
        maps = self.plain(pooled) if self.behind_type is None else self.plain(self.behind_type(pooled)).tensor
        out: Tensor = self.head(maps.flatten(1))
        return out


@pytest.mark.parametrize("own_group", [False, True])
def test_all_up_to_a_submodule_is_proved_whatever_comes_behind_it(own_group: bool) -> None:
    network = PoolsEarly(own_group)
    whole = verify(network, [5])
    assert whole.verdict == ("no claim" if own_group else "broken")
    assert whole.claim == "invariant"
    part = verify(network, [5, 6], upto="pool")
    assert part.verdict == "proved", part.sentence
    assert part.claim == "equivariant"
    assert (part.group, len(part.elements)) == ("C4", 4)
    assert "behind it nothing is claimed" in part.sentence
    assert {r.path for r in part.records if r.level == 1} == {"lift", "pool"}
    with pytest.raises(SteerganError, match="no submodule 'pol'"):
        verify(network, [5], upto="pol")


def test_layers_behind_a_submodule_decide_about_no_level() -> None:
    """C8's sampled bases behind gathered ones: integers run, and no angle between is measured."""
    c8 = gspace("C8")

    class GoesOn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_type = IMAGE
            self.lift = lift()
            self.more = GroupConvolution(trivial_type(c8, 8), regular_type(c8, 1), 3)

        def forward(self, x: Tensor) -> Any:
            return self.more(self.more.in_type(self.lift(IMAGE(x)).tensor))

    part = verify(GoesOn(), [5], upto="lift")
    assert (part.verdict, part.group) == ("proved", "C4")
    assert [r.finding.verdict for r in part.records if r.level == 3] == ["holds"]
    assert not [r for r in part.records if r.level == 6]
