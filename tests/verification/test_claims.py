"""What is claimed where the caller left it open, and what is refused."""

from typing import Any

import pytest
import torch
from escnn import nn as enn
from torch import Tensor, nn

from steergan.errors import SteerganError, SubjectError
from steergan.layers import FieldBatchNorm, GroupConvolution, GroupPool, Restriction
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import MODES, Subject, verify
from steergan.verification.claims import (
    claimed_elements,
    claimed_group,
    make_subject,
    moving_buffers,
    spaces_in_use,
)
from steergan.verification.rehearsal import accepted_sizes
from tests.verification.networks import HIDDEN, IMAGE, lift, stock


def test_sizes_are_found_of_both_parities() -> None:
    assert verify(stock(), level=2, modes=MODES[:1]).sizes == ((29, 29), (28, 28))


def test_a_network_that_takes_one_size_alone_is_claimed_there() -> None:
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_type, self.head = IMAGE, nn.Linear(64, 1)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(x.flatten(1))
            return out

    assert accepted_sizes(make_subject(Dense(), 8)) == ((8, 8),)
    with pytest.raises(SubjectError, match="ran at none of the sides that were tried"):
        make_subject(nn.Linear(11, 11), in_type=IMAGE)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"claim": "foo"}, "invariant was wanted"),
        ({"others": torch.zeros(2, 3)}, "a tuple of tensors"),
        ({"sizes": []}, "sizes is empty"),
        ({"upto": "nowhere"}, "no submodule 'nowhere'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SubjectError, match=words):
        verify(lift(), **{"sizes": 5, **settings})


def test_a_name_that_nothing_is_known_by_is_no_keyword() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'up_to'; name, in_type, out_type"):
        verify(lift(), 5, up_to="x")  # type: ignore[call-arg]


def test_what_cannot_be_verified_is_refused_in_words() -> None:
    with pytest.raises(SteerganError, match="no in_type"):
        verify(nn.Conv2d(1, 1, 3), [5])
    with pytest.raises(SteerganError, match="a torch module was wanted"):
        verify(lambda x: x, [5])  # type: ignore[arg-type]
    with pytest.raises(SteerganError, match="can't be run at 5 x 5"):
        verify(nn.Conv2d(3, 1, 3), [5], in_type=IMAGE)


def test_a_plain_result_is_claimed_to_be_invariant_and_a_typed_one_equivariant() -> None:
    assert make_subject(lift(), 5).claim == "equivariant"
    assert make_subject(nn.Identity(), 5, in_type=IMAGE, out_type=IMAGE).claim == "equivariant"
    named = make_subject(lift(), [(4, 6)], "invariant", name="mine")
    assert (named.name, named.claim, named.sizes) == ("mine", "invariant", ((4, 6),))


def restricted() -> enn.SequentialModule:
    d4 = gspace("D4")
    fields = regular_type(d4, 1)
    restriction = Restriction(fields, gspace("C2"))
    return enn.SequentialModule(GroupConvolution(trivial_type(d4, 1), fields, 3), restriction)


def test_the_smaller_group_on_the_way_is_claimed() -> None:
    network = restricted()
    subject = Subject("restricted", network, network.in_type, "equivariant", None, ((5, 5),))
    spaces, representations = spaces_in_use(subject)
    assert [space.name for space in spaces] == [gspace("D4").name, gspace("C2").name]
    assert len(representations) == 3
    elements = claimed_elements(subject, spaces)
    assert elements == ((1, 0, 0, 1), (-1, 0, 0, -1))
    assert claimed_group(spaces, elements) == "C2"
    assert claimed_group([gspace("C8")], ((1, 0, 0, 1),) * 4) == "C8 at multiples of 90 degrees"
    assert claimed_group([gspace("C4"), gspace("D2")], elements) == "a common subgroup of C4, D2"


def test_types_behind_the_submodule_of_the_claim_do_not_count() -> None:
    network = restricted()
    subject = Subject("restricted", network, network.in_type, "equivariant", None, ((5, 5),), upto="0")
    spaces, _ = spaces_in_use(subject)
    assert [space.name for space in spaces] == [gspace("D4").name]
    assert len(claimed_elements(subject, spaces)) == 8


def test_buffers_that_training_moves_are_found() -> None:
    network = enn.SequentialModule(lift(), FieldBatchNorm(HIDDEN), GroupPool(HIDDEN))
    moving = moving_buffers(make_subject(network, 5))
    assert {"1.running_mean", "1.running_var"} <= moving
    assert all(name.startswith("1.") for name in moving)
