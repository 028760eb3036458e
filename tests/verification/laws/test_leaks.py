"""Numbers that leave a tensor, by whatever way, cost the proof; so do operators that only sound known."""

import copy
import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from steergan.verification import verify
from tests.verification.networks import HIDDEN, Program


def through_numpy(x: Tensor) -> Tensor:
    return torch.from_numpy(x.detach().numpy().copy()).sum((1, 2, 3))


def branch_on_a_corner(x: Tensor) -> Tensor:
    total = x.square().sum((1, 2, 3))
    return 2 * total if x[0, 0, 0, 0].item() > 0 else total


def branch_without_item(x: Tensor) -> Tensor:
    total = x.square().sum((1, 2, 3))
    return 2 * total if x[0, 0, 0, 0] > 0 else total


def scaled_by_a_list(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * x[0, 0, 0].tolist()[0]


def through_data(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * x.data[0, 0, 0, 0]


def branch_on_an_argmax(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * float(x.argmax())


def through_a_copy(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * copy.deepcopy(x)[0, 0, 0, 0]


def through_bytes(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * torch.frombuffer(x.numpy().data, dtype=x.dtype)[0]


def through_storage(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * torch.tensor(x.untyped_storage()[0] % 7)


def through_dlpack(x: Tensor) -> Tensor:
    capsule = torch.utils.dlpack.to_dlpack(x)  # type: ignore[attr-defined]
    return x.square().sum((1, 2, 3)) * torch.utils.dlpack.from_dlpack(capsule)[0, 0, 0, 0]


def through_repr(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * (len(str(x[0, 0, 0, 0])) + hash(str(x[0, 0])) % 5)


def through_an_iterator(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * next(iter(x[0, 0, 0]))


def through_as_strided(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * x.as_strided((1,), (1,), 0)


def through_a_kept_view(x: Tensor) -> Tensor:
    y = x.clone()
    corner = y[0, 0, 0, 0]
    y.mul_(2)
    return x.square().sum((1, 2, 3)) * corner


def through_nonzero(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * (x[:, :, :1] > 0).nonzero().shape[0]


def filled(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * torch.zeros(2).fill_(x[0, 0, 0, 0])


def compared(x: Tensor) -> Tensor:
    total = x.square().sum((1, 2, 3))
    return 2 * total if torch.equal(x[0, 0, 0], x[0, 0, 0].abs()) else total


def nearly(x: Tensor) -> Tensor:
    total = x.square().sum((1, 2, 3))
    return 2 * total if torch.allclose(x[0, 0, 0], torch.zeros(5), atol=0.1) else total


def counted(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * (x[0, 0, 0] > 9).nonzero().shape[0]


def assigned(x: Tensor) -> Tensor:
    y = torch.empty(0)
    y.data = x
    return x.square().sum((1, 2, 3)) * y[0, 0, 0, 0]


def in_a_thread(x: Tensor) -> Tensor:
    read: list[float] = []
    thread = threading.Thread(target=lambda: read.append((2 * x[0, 0, 0, 0]).item()))
    thread.start()
    thread.join()
    return x.square().sum((1, 2, 3)) * read[0]


@pytest.mark.parametrize(
    "way",
    [
        through_numpy,
        branch_on_a_corner,
        branch_without_item,
        scaled_by_a_list,
        through_data,
        branch_on_an_argmax,
        through_bytes,
        through_storage,
        through_dlpack,
        through_an_iterator,
        through_as_strided,
        through_a_kept_view,
        through_nonzero,
        through_a_copy,
        through_repr,
        filled,
        compared,
        nearly,
        counted,
        assigned,
        in_a_thread,
    ],
)
def test_numbers_that_leave_a_tensor_cost_the_proof(way: Callable[[Tensor], Tensor]) -> None:
    found = verify(Program(way), [5], level=2)
    assert found.verdict == "not proved", found.sentence


@pytest.mark.parametrize(
    "taken",
    [
        lambda total: total.item() > 1e6,
        lambda total: total > 1e6,
        lambda total: float(total.abs().max()) > 1e6,
        lambda total: int(total / 1e6) > 0,
    ],
)
def test_a_number_of_the_input_costs_the_proof_although_it_is_invariant(taken: Callable[[Tensor], bool]) -> None:
    """The other branch breaks the symmetry, and no input of a test takes it."""

    def by_norm(x: Tensor) -> Tensor:
        return x[:, :, 0, 0] if taken(x.square().sum()) else x.square().sum((2, 3))

    found = verify(Program(by_norm), [5], level=2)
    assert found.verdict == "not proved", found.sentence
    assert "that depends on the input: what follows for other inputs was not seen" in found.sentence


def test_a_number_of_a_label_costs_nothing_until_the_image_enters_it() -> None:
    class Labelled(torch.nn.Module):
        def __init__(self, how: str) -> None:
            super().__init__()
            self.in_type, self.how = HIDDEN, how

        def forward(self, x: Tensor, label: Tensor) -> Tensor:
            read = label + (x.square().sum() if self.how == "added" else 1)
            if self.how == "written":
                read[:1].copy_(x.square().sum())
            assert read.max() < 1e9
            return x.square().sum((1, 2, 3)) * label

    for how, verdict in (("", "proved"), ("added", "not proved"), ("written", "not proved")):
        found = verify(Labelled(how), [5], "invariant", others=(torch.tensor([1.0, 2.0]),), level=2)
        assert found.verdict == verdict, found.sentence


def test_a_number_of_the_weights_costs_nothing() -> None:
    weight = torch.nn.Parameter(torch.tensor([2.0, 3.0]))
    scaled = Program(lambda x: x.square().sum((1, 2, 3)) * weight.abs().max().item())
    scaled.register_parameter("weight", weight)
    found = verify(scaled, [5], level=2)
    assert found.verdict == "proved", found.sentence


@torch.library.custom_op("steergan_tests::relu", mutates_args=())
def relu(x: Tensor) -> Tensor:
    return x.roll(1, 3)


def test_an_operator_with_a_known_name_of_another_namespace_is_not_known() -> None:
    network = Program(torch.ops.steergan_tests.relu)
    network.in_type = HIDDEN
    found = verify(network, [5], "equivariant", out_type=HIDDEN, level=2)
    assert found.verdict == "not proved"
    assert "the network itself: the operation steergan_tests::relu is not one that the proof knows" in found.sentence
