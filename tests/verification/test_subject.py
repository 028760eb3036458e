"""Copies that share no tensor, digests that see every change, results of every shape, and stopping on the way."""


import pytest
import torch
from escnn.nn import GeometricTensor
from torch import Tensor, nn

from steergan.copies import copied
from steergan.errors import SubjectError
from steergan.verification import Subject
from steergan.verification.subject import (
    as_sizes,
    random_input,
    run_upto,
    size_words,
    tensors_of,
    twin_of,
)
from tests.verification.networks import HIDDEN, IMAGE, lift, stock


def test_a_twin_shares_no_tensor_and_every_field_type() -> None:
    network = stock().eval()  # outside no_grad escnn keeps filters with a graph, which torch refuses to copy
    twin = twin_of(network)
    memory = {t.data_ptr() for t in [*network.parameters(), *network.buffers()] if t.numel()}
    assert memory.isdisjoint(t.data_ptr() for t in [*twin.parameters(), *twin.buffers()] if t.numel())
    assert twin.in_type is network.in_type
    x = IMAGE(torch.randn(2, 1, 5, 5))
    assert torch.equal(network(x).tensor, twin(x).tensor)


def test_a_copy_of_a_part_shares_representations_and_unsampled_bases() -> None:
    expansion = stock()[0].basisexpansion
    twin = copied(expansion)
    assert all(a is b for a, b in zip(twin._in_reprs, expansion._in_reprs, strict=True))
    for block, original in zip(twin.children(), expansion.children(), strict=True):
        assert block.basis is original.basis
        assert block.sampled_basis is not original.sampled_basis


def test_a_module_that_cannot_be_copied_is_refused() -> None:
    class Stubborn(nn.Module):
        def __deepcopy__(self, memo: object) -> nn.Module:
            raise RuntimeError("there is one of me")

    with pytest.raises(SubjectError, match=r"Stubborn can't be copied \(there is one of me\)"):
        twin_of(Stubborn())


def test_results_may_be_nested_and_nothing_but_tensors() -> None:
    plain, typed = torch.zeros(2), GeometricTensor(torch.zeros(1, 1, 3, 3), IMAGE)
    found = tensors_of({"a": plain, "b": [typed, (plain,)]})
    assert [own for _, own in found] == [None, IMAGE, None]
    assert found[1][0] is typed.tensor
    with pytest.raises(SubjectError, match="returned a float"):
        tensors_of([plain, 0.5])


def test_a_forward_goes_no_further_than_it_is_asked_to() -> None:
    ran: list[str] = []

    class Noted(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, x: Tensor) -> Tensor:
            ran.append(self.name)
            return x + 1

    network = nn.Sequential(Noted("first"), Noted("second"))
    x = torch.zeros(1)
    assert run_upto("0", network, lambda: network(x)) == 1
    assert ran == ["first"]
    assert network(x) == 2
    with pytest.raises(SubjectError, match="never ran its submodule '1'"):
        run_upto("1", network, lambda: network[0](x))


def test_a_subject_calls_its_module_as_it_is_told() -> None:
    layer = lift()
    x = torch.randn(2, 1, 5, 5)
    subject = Subject("lift", layer, IMAGE, "equivariant", HIDDEN, ((5, 5),))
    assert torch.equal(subject(layer, x).tensor, layer(IMAGE(x)).tensor)
    asked = Subject("own", layer, IMAGE, "invariant", None, (), (torch.ones(2), torch.arange(2)), lambda m, x, o: o)
    single, label = asked(layer, x.double())
    assert (single.dtype, label.dtype) == (torch.float64, torch.int64)


def test_inputs_are_the_same_in_every_dtype_and_other_for_another_seed() -> None:
    subject = Subject("lift", lift(), IMAGE, "equivariant", HIDDEN, ((5, 4),))
    single, double = (random_input(subject, (5, 4), 3, dtype) for dtype in (torch.float32, torch.float64))
    assert single.shape == (2, 1, 5, 4)
    assert torch.equal(single.double(), double)
    assert not torch.equal(single, random_input(subject, (5, 4), 4, torch.float32))


def test_sizes_are_pairs_and_are_said_in_words() -> None:
    assert as_sizes([5, (4, 6)]) == ((5, 5), (4, 6))
    assert size_words([(28, 28), (14, 14)]) == "28 x 28 -> 14 x 14"
    assert size_words([]) == ""
