"""Matrix products of tensors that both turn: what their law predicts is what comes out on numbers."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.symmetry import field_type as typed
from steergan.verification import verify
from steergan.verification.laws.law import Fixed, Lost, Turning, mismatch
from steergan.verification.laws.products import product_of
from tests.verification.attention import attended, offsets
from tests.verification.laws.programs import (
    PRODUCTS,
    STEPS,
    assert_law,
    assert_law_of_step,
    elements_of,
    field_type,
    law_by_tracking,
)
from tests.verification.networks import HIDDEN, Program


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_the_law_of_every_product_is_what_happens(name: str) -> None:
    assert_law_of_step(STEPS[name])


def flat(x: Tensor) -> Tensor:
    return x.flatten(2)


PROGRAMS: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "scores": (lambda x: flat(x).mT @ flat(x), True),
    "scores of a batch in one": (lambda x: torch.einsum("bcp,dcq->bdpq", flat(x), flat(x)), True),
    "keys shared by two heads": (
        lambda x: flat(x)[:, None].expand(-1, 2, -1, -1).mT @ torch.stack([flat(x), 2 * flat(x)], 1),
        True,
    ),
    "twice the same channels": (lambda x: torch.cat([flat(x)] * 2, 1).mT @ torch.cat([flat(x)] * 2, 1), True),
    "ones": (lambda x: flat(x) @ torch.ones(x[0, 0].numel(), 1, dtype=x.dtype), True),
    "a vector": (lambda x: flat(x)[0].mT @ flat(x)[1].mean(1), True),
    "two vectors": (lambda x: x.flatten() @ x.flip(0).flatten(), True),
    "distances of pixels": (lambda x: torch.cdist(flat(x).mT, flat(x).mT), True),
    "distances in part of the field": (lambda x: torch.cdist(flat(x)[:, :3].mT, flat(x)[:, :3].mT), False),
    "distances of all pixels by sums": (lambda x: torch.cdist(flat(x).mT, flat(x).mT, p=1.0), True),
    "plus a map": (lambda x: torch.baddbmm(flat(x), flat(x), flat(x).mT @ flat(x)), True),
    "a part of the field": (lambda x: flat(x)[:, :3].mT @ flat(x)[:, :3], False),
    "one side": (lambda x: flat(x) @ torch.arange(x[0, 0].numel(), dtype=x.dtype)[:, None], False),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_sum_over_what_moves_alike_has_a_law(name: str) -> None:
    program, has_law = PROGRAMS[name]
    for group, kind in (("D4", "regular"), ("C4", "signs")):
        in_type, elements = field_type(group, kind), elements_of(group)
        law = law_by_tracking(program, in_type, elements)
        assert_law(law, program, in_type, elements)
        assert kind == "signs" or isinstance(law, Lost) != has_law


def test_torch_s_operator_of_attention_is_its_three_steps() -> None:
    operator = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu

    def program(x: Tensor, causal: bool = False, mask: bool = True) -> Tensor:
        tokens = flat(x).mT[:, None].contiguous()
        seen = (-offsets(x).square().sum(0)).exp() if mask else None
        out: Tensor = operator(tokens, tokens, tokens, 0.0, causal, attn_mask=seen)[0]
        return out[:, 0].mT.reshape(x.shape)

    in_type, elements = field_type("D4", "regular"), elements_of("D4")
    for way in (program, partial(program, mask=False)):
        law = law_by_tracking(way, in_type, elements)
        assert_law(law, way, in_type, elements)
        assert mismatch(law, in_type, torch.Size([2, 8, 3, 3]), elements) is None
    causal = law_by_tracking(partial(program, causal=True, mask=False), in_type, elements)
    assert isinstance(causal, Lost)
    assert "each position looks at those before it" in causal.reason


def test_a_sum_over_other_places_than_those_that_are_permuted_is_none() -> None:
    """Two equal columns can be said to come from one place: a sum over that place twice is not their sum."""
    swap = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]])
    x = Turning(torch.tensor([[[0, 0, 1]]]), swap, torch.ones_like(swap))
    y = Turning(torch.tensor([[[2], [2], [3]]]), swap, torch.ones_like(swap))
    elements = ((1, 0, 0, 1), (-1, 0, 0, -1))
    law = product_of((x, torch.Size([1, 1, 3])), (y, torch.Size([1, 3, 1])), elements, "bmm")
    atoms = torch.tensor([2.0, 5.0, 3.0, 7.0])
    plain, moved = (float(a[x.ids[0, 0]] @ a[y.ids[0, :, 0]]) for a in (atoms, atoms[swap[1]]))
    assert plain != moved
    assert isinstance(law, Lost) or int(law.index[1][law.ids]) != int(law.ids)  # type: ignore[union-attr]


def test_signs_have_to_cancel_in_every_summand() -> None:
    def law_with(signs: list[int]) -> Turning | Fixed | Lost:
        index = torch.arange(4).expand(2, -1)
        x = Turning(torch.tensor([[[0, 1]]]), index, torch.tensor([[1, 1, 1, 1], [*signs, 1, 1]]))
        y = Turning(torch.tensor([[[2], [3]]]), index, torch.tensor([[1, 1, 1, 1], [1, 1, -1, -1]]))
        elements = ((1, 0, 0, 1), (-1, 0, 0, -1))
        return product_of((x, torch.Size([1, 1, 2])), (y, torch.Size([1, 2, 1])), elements, "bmm")  # type: ignore[return-value]

    for signs, wanted in (([-1, -1], 1), ([1, 1], -1)):
        law = law_with(signs)
        assert isinstance(law, Turning)
        assert int(law.sign[1][law.ids]) == wanted
    assert isinstance(law_with([1, -1]), Lost)


class Positions(nn.Module):
    """Attention with a bias that a small network makes of the distance between pixels, for each head another."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.in_type, self.right = HIDDEN, right
        self.bias = nn.Sequential(nn.Linear(1 if right else 2, 3), nn.ReLU(), nn.Linear(3, 2))

    def forward(self, x: Tensor) -> Tensor:
        def bias(offset: Tensor) -> Tensor:
            seen = offset.square().sum(0)[..., None] if self.right else offset.movedim(0, -1)
            out: Tensor = self.bias(seen)
            return out.movedim(-1, 0)

        return attended(x, heads=2, bias=bias)


class Table(nn.Module):
    """Attention with a bias that is looked up by the distance between pixels, or by their offset."""

    def __init__(self, right: bool = True) -> None:
        super().__init__()
        self.in_type, self.right = HIDDEN, right
        self.table = nn.Embedding(200, 2)

    def forward(self, x: Tensor) -> Tensor:
        def bias(offset: Tensor) -> Tensor:
            where = offset.square().sum(0) if self.right else 9 * (offset[0] + 4) + offset[1] + 4
            out: Tensor = self.table(where.long())
            return out.movedim(-1, 0)

        return attended(x, heads=2, bias=bias)


@pytest.mark.parametrize("network", [Positions, Table])
def test_a_bias_made_of_what_no_element_changes_is_proved_for_all_weights(network: type) -> None:
    for right in (True, False):
        found = verify(network(right), [5], "equivariant", out_type=HIDDEN, level=2, modes=("evaluation",))
        assert found.verdict == ("proved" if right else "not proved"), found.sentence
        assert not right or "every value of its weights" in found.sentence


@pytest.mark.parametrize(("kind", "verdict"), [("8*trivial@C4", "proved"), ("2*regular@C4", "not proved")])
def test_a_dense_layer_of_channels_last_is_proved_where_they_do_not_turn(kind: str, verdict: str) -> None:
    linear = nn.Linear(8, 8)
    network = Program(lambda x: linear(x.movedim(1, -1)).movedim(-1, 1))
    in_type: FieldType = typed(kind)
    network.in_type, network.linear = in_type, linear
    found = verify(network, [5], "equivariant", out_type=in_type, level=2, modes=("evaluation",))
    assert found.verdict == verdict, found.sentence
