"""Claims that nobody stated are those that hold, and none is made where only an unlikely one does."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steergan.errors import SubjectError
from steergan.layers import GroupPool
from steergan.symmetry import field_type
from steergan.verification import verify
from steergan.verification.claims import make_subject
from tests.verification.networks import HIDDEN, IMAGE, lift


class Way(nn.Module):
    """Some function of the two regular fields (B, 8, H, W) of a right layer."""

    def __init__(self, way: Any) -> None:
        super().__init__()
        self.in_type, self.layer, self.way = IMAGE, lift(), way

    def forward(self, x: Tensor) -> Any:
        return self.way(self.layer(IMAGE(x)).tensor)


REGULAR = field_type("2*regular@C4")


@pytest.mark.parametrize(
    ("way", "claim", "out_type"),
    [
        (lambda y: y.mean((1, 2, 3)), "invariant", None),
        (lambda y: y.mean((2, 3)), "equivariant", (REGULAR,)),
        (lambda y: y, "equivariant", (REGULAR,)),
        (lambda y: y.mean(1, keepdim=True), "equivariant", (field_type("trivial@C4"),)),
        (lambda y: (y.mean((1, 2, 3)), y), "equivariant", (None, REGULAR)),
        (lambda y: {"a": HIDDEN(y), "b": y.mean((1, 2, 3)), "c": None}, "equivariant", (None, None)),
        (lambda y: HIDDEN(y), "equivariant", None),
    ],
    ids=["score", "vector", "map", "scalars", "two", "typed and plain", "typed"],
)
def test_the_claim_that_holds_is_inferred(way: Any, claim: str, out_type: Any) -> None:
    subject = make_subject(Way(way), 5)
    assert (subject.claim, subject.out_type, subject.missing) == (claim, out_type, "")
    assert ("Nobody stated the claim" in subject.inferred) == (subject.out_type is not None or claim == "invariant")


def test_what_nobody_stated_and_no_claim_explains_is_broken_and_says_what_to_state() -> None:
    found = verify(Way(lambda y: y[..., 0].mean((1, 2))), 5, level=4, modes=("evaluation",))
    assert (found.verdict, found.claim) == ("broken", "invariant")
    assert "was taken for invariant" in found.sentence
    assert "say claim= or out_type=" in found.sentence


def test_a_constant_type_that_no_layer_has_is_read_off_field_by_field() -> None:
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0])
    network = Way(lambda y: torch.stack([y.mean((1, 2, 3)), (y.view(2, 2, 4, -1).mean(3) * signs).sum((1, 2))], 1))
    subject = make_subject(network, 5)
    assert "--out-type 'trivial+irrep_2@C4'" in subject.missing
    with pytest.raises(SubjectError, match="measured, it turns as trivial"):
        verify(network, 5)
    stated = verify(network, 5, out_type=field_type("trivial+irrep_2@C4"), level=4)
    assert stated.verdict != "broken", stated.sentence


def test_a_stated_claim_is_not_replaced_by_a_likely_one() -> None:
    still = Way(lambda y: y.mean((2, 3)))
    assert verify(still, 5, "invariant", level=4).verdict == "broken"
    assert verify(lift(), 5, "invariant", level=4).verdict == "broken"  # a geometric tensor that turns is not invariant
    with pytest.raises(SubjectError, match="say two things"):
        verify(still, 5, "invariant", out_type=REGULAR)
    with pytest.raises(SubjectError, match="has no field type, and turns as none"):
        verify(Way(lambda y: y[..., 0].mean(2)), 5, "equivariant")


def test_vectors_of_any_representation_are_judged_at_every_level() -> None:
    pool = GroupPool(HIDDEN)
    for way, out, verdict in (
        (lambda y: y.amax((2, 3)), REGULAR, "proved"),
        (lambda y: pool(HIDDEN(y)).tensor.amax((2, 3)), field_type("2*trivial@C4"), "proved"),
        (lambda y: y.flip(1).amax((2, 3)), REGULAR, "broken"),
    ):
        found = verify(Way(way), 5, out_type=out, modes=("evaluation",))
        assert found.verdict == verdict, found.sentence
        assert {r.finding.verdict for r in found.records if r.level in (3, 4)} == {
            "holds" if verdict == "proved" else "broken"
        }


def test_a_claim_that_was_stated_is_not_called_unstated() -> None:
    found = verify(Way(lambda y: y.mean((1, 2, 3))), 5, "equivariant", level=2)
    assert "Nobody stated the claim" not in found.sentence
    wanted = "Equivariance was claimed, but not how the result turns; measured, the result, (2,), is invariant"
    assert wanted in found.sentence
