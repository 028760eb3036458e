"""What `verify` says of right networks, of wrong ones, and of modules that are no longer what their types say."""

import copy
import json
import threading
from collections.abc import Callable
from types import MethodType
from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from hypothesis import given, settings
from torch import Tensor, nn

from steergan.errors import SteerganError, SubjectError, SymmetryError
from steergan.layers import GroupConvolution, GroupPool, Pointwise
from steergan.symmetry import gspace, regular_type, trivial_type
from steergan.verification import (
    MODES,
    Finding,
    NotEquivariant,
    Situation,
    assert_equivariant,
    certifies,
    differences,
    exact,
    verify,
)
from steergan.verification import registry as certificates
from tests.verification import drawn

C4 = gspace("C4")
IMAGE, HIDDEN = trivial_type(C4, 1), regular_type(C4, 2)


def state_of(module: nn.Module) -> tuple[Any, ...]:
    """Everything that verification has to leave as it was."""
    state = {key: value.clone() for key, value in module.state_dict().items()}
    modes = [(path, part.training) for path, part in module.named_modules()]
    return state, modes, [(p.dtype, p.grad is None) for p in module.parameters()]


def assert_same(before: tuple[Any, ...], after: tuple[Any, ...]) -> None:
    assert before[1:] == after[1:]
    assert before[0].keys() == after[0].keys()
    for key, value in before[0].items():
        assert value.dtype == after[0][key].dtype
        assert torch.equal(value, after[0][key]), key


# --- drawn networks and mutants


UNPROVED = ("dropout", "iid norm")
"""Pieces that commute with the group and that no certificate covers: masks drawn per field, escnn's IIDBatchNorm2d."""


@settings(max_examples=18)
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


def test_an_index_of_whole_numbers_reads_no_number() -> None:
    """escnn's InnerBatchNorm takes fields of one size, which are not side by side, by index."""
    space = gspace("C4")
    apart = FieldType(space, [space.regular_repr, space.trivial_repr, space.quotient_repr(2), space.regular_repr])
    assert verify(enn.InnerBatchNorm(apart), [5], level=2).verdict == "proved"


# --- certificates of a user's own


class Halved(EquivariantModule):
    """A user's layer that no certificate knows, and whose forward the proof does not follow by itself."""

    def __init__(self, field_type: FieldType) -> None:
        super().__init__()
        self.in_type = self.out_type = field_type

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return GeometricTensor(torch.from_numpy(x.tensor.detach().numpy() / 2), x.type)

    def evaluate_output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registrations of one test are forgotten after it."""
    monkeypatch.setattr(certificates, "_CERTIFIERS", dict(certificates._CERTIFIERS))
    monkeypatch.setattr(certificates, "_METHODS", dict(certificates._METHODS))


@pytest.mark.usefixtures("registry")
def test_a_certificate_of_a_users_own_layer_is_asked_and_a_second_one_refused() -> None:
    network = enn.SequentialModule(GroupConvolution(IMAGE, HIDDEN, 3), Halved(HIDDEN))
    assert verify(network, [5]).verdict == "not proved"
    seen: list[Situation] = []

    @certifies(Halved)
    def halved(layer: Halved, at: Situation) -> list[Finding]:
        seen.append(at)
        return [exact("every entry is halved")]

    found = verify(network, [5], level=2)
    assert found.verdict == "proved", found.sentence
    assert any(r.argument == "every entry is halved" and r.layer == "Halved" for r in found.records)
    assert {at.in_shape for at in seen} == {(2, 8, 5, 5)}
    assert {at.training for at in seen} == {True, False}
    with pytest.raises(ValueError, match="Halved has a certificate already"):
        certifies(Halved)(halved)
    with pytest.raises(ValueError, match="GroupConvolution has a certificate already"):
        certifies(GroupConvolution)(halved)


def rolled(x: GeometricTensor) -> GeometricTensor:
    return GeometricTensor(x.tensor.roll(1, 3), x.type)


class MyConvolution(GroupConvolution):
    """A subclass that nobody vouches for."""


def hooked(layer: Any) -> None:
    layer.register_forward_hook(lambda module, args, output: None)


def patched(layer: Any) -> None:
    layer.forward = MethodType(lambda self, x: GroupConvolution.forward(self, x), layer)


def wrong_hook(layer: Any) -> None:
    layer.register_forward_hook(lambda module, args, output: rolled(output))


def wrong_patch(layer: Any) -> None:
    layer.forward = MethodType(lambda self, x: rolled(GroupConvolution.forward(self, x)), layer)


def subclassed(layer: Any) -> None:
    layer.__class__ = MyConvolution


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (subclassed, "MyConvolution is a subclass of GroupConvolution, which is certified"),
        (hooked, "it has a forward hook"),
        (patched, "its method forward was patched"),
        (wrong_hook, "it has a forward hook"),
        (wrong_patch, "its method forward was patched"),
    ],
)
def test_a_layer_that_is_not_what_its_type_says_is_not_taken_for_it(change: Callable[[Any], None], reason: str) -> None:
    network = enn.SequentialModule(GroupConvolution(IMAGE, HIDDEN, 3), Pointwise(HIDDEN, "relu"))
    assert verify(network, [5], level=2).verdict == "proved"
    change(network[0])
    found = verify(network, [5], level=2)
    assert found.verdict == "not proved"
    fault = found.first_fault
    assert fault is not None
    assert fault.path == "0"
    assert fault.argument.startswith(reason)
    assert verify(network, [5]).verdict == ("broken" if "wrong" in change.__name__ else "not proved")


def test_a_method_replaced_in_the_class_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    network = enn.SequentialModule(GroupConvolution(IMAGE, HIDDEN, 3))
    right = GroupConvolution.forward
    monkeypatch.setattr(GroupConvolution, "forward", lambda self, x: rolled(right(self, x)))
    found = verify(network, [5], level=2)
    assert found.verdict == "not proved"
    assert "a method of the class GroupConvolution was replaced" in found.sentence


# --- modules as users have them


def stock() -> enn.SequentialModule:
    network = enn.SequentialModule(
        enn.R2Conv(IMAGE, HIDDEN, 3, padding=1),
        enn.InnerBatchNorm(HIDDEN),
        enn.ReLU(HIDDEN),
        enn.R2Conv(HIDDEN, HIDDEN, 3, padding=1),
    )
    # A copy: escnn's layers share bases through a cache, and another dtype here would be another dtype everywhere.
    return copy.deepcopy(network)


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


def test_sizes_are_found_of_both_parities_and_a_rectangle_is_claimed_where_it_may_be() -> None:
    assert verify(stock(), level=2, modes=MODES[:1]).sizes == ("29 x 29", "28 x 28")
    image = trivial_type(gspace("D2"), 1)
    layer = GroupConvolution(image, image, 3)
    found = verify(layer, [(4, 6)])
    assert (found.verdict, found.sizes) == ("proved", ("4 x 6",))


def test_a_rectangle_is_not_proved_of_quarter_turns() -> None:
    assert verify(GroupConvolution(IMAGE, HIDDEN, 3), [(4, 6)], level=2).verdict != "proved"


class PoolsEarly(nn.Module):
    """A discriminator that leaves the group for a plain convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.in_type = IMAGE
        self.lift = GroupConvolution(IMAGE, HIDDEN, 3)
        self.pool = GroupPool(HIDDEN)
        self.plain = nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.plain(self.pool(self.lift(IMAGE(x))).tensor).sum((2, 3))


def test_a_plain_convolution_behind_the_pool_is_not_proved_and_all_up_to_the_pool_is() -> None:
    network = PoolsEarly()
    whole = verify(network, [5])
    assert whole.verdict in ("broken", "not proved")
    assert whole.claim == "invariant"
    part = verify(network, [5], upto="pool")
    assert part.verdict == "proved", part.sentence
    assert part.claim == "equivariant"
    assert "behind it nothing is claimed" in part.sentence
    with pytest.raises(SteerganError, match="no submodule 'pol'"):
        verify(network, [5], upto="pol")


def test_of_the_trivial_group_nothing_is_claimed() -> None:
    one = trivial_type(gspace("trivial"), 1)
    network = GroupConvolution(one, one, 3)
    found = verify(network, [5])
    assert found.verdict == "no claim"
    assert found.elements == ("the identity",)
    with pytest.raises(AssertionError, match="No claim"):
        assert_equivariant(network, [5])


@pytest.mark.parametrize("level", range(7))
def test_without_composition_nothing_is_proved(level: int) -> None:
    found = verify(GroupConvolution(IMAGE, HIDDEN, 3), [5], level=level)
    assert found.verdict == ("proved" if level >= 2 else "not proved")
    assert max(r.level for r in found.records) <= level


# --- what is broken, and how it is said


class Shifts(enn.SequentialModule):
    """Right layers, and a shift of the grid."""

    def forward(self, x: GeometricTensor) -> GeometricTensor:
        return rolled(super().forward(x))


def test_assert_equivariant_passes_on_right_networks_and_fails_with_the_sentence_on_others() -> None:
    right, wrong = stock(), Shifts(GroupConvolution(IMAGE, HIDDEN, 3))
    assert_equivariant(right, [5])
    verify(right, [5]).raise_if_broken()
    found = verify(wrong, [5])
    assert found.verdict == "broken"
    with pytest.raises(AssertionError, match="NOT equivariant under C4"):
        assert_equivariant(wrong, [5])
    with pytest.raises(NotEquivariant, match="NOT equivariant under C4"):
        found.raise_if_broken()
    assert issubclass(NotEquivariant, SymmetryError)


def test_not_proved_is_no_error_of_the_network() -> None:
    found = verify(GroupConvolution(IMAGE, HIDDEN, 3), [5], level=1)
    found.raise_if_broken()
    assert "a proof needs 2" in found.sentence


def test_what_cannot_be_verified_is_refused_in_words() -> None:
    with pytest.raises(SteerganError, match="no in_type"):
        verify(nn.Conv2d(1, 1, 3), [5])
    with pytest.raises(SteerganError, match="a torch module was wanted"):
        verify(lambda x: x, [5])  # type: ignore[arg-type]
    with pytest.raises(SteerganError, match="can't be run at 5 x 5"):
        verify(nn.Conv2d(3, 1, 3), [5], in_type=IMAGE)


# --- numbers that leave a tensor


class Leaky(nn.Module):
    """An invariant network but for the way in which a number travels."""

    def __init__(self, way: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.in_type, self.way = IMAGE, way

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x)


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
    return x.square().sum((1, 2, 3)) * torch.frombuffer(memoryview(x.numpy()), dtype=x.dtype)[0]


def through_storage(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * torch.tensor(x.untyped_storage()[0] % 7)


def through_dlpack(x: Tensor) -> Tensor:
    return x.square().sum((1, 2, 3)) * torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x))[0, 0, 0, 0]


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
    found = verify(Leaky(way), [5], level=2)
    assert found.verdict == "not proved", found.sentence


def test_a_number_read_out_of_an_invariant_tensor_costs_nothing() -> None:
    def by_norm(x: Tensor) -> Tensor:
        total = x.square().sum((1, 2, 3))
        return 2 * total if total[0].item() > 0 else total

    found = verify(Leaky(by_norm), [5], level=2)
    assert found.verdict == "proved", found.sentence


# --- files


def test_a_certificate_is_valid_json_with_its_verdict_and_sentence() -> None:
    found = verify(stock(), [5, 6])
    read = json.loads(found.to_json())
    assert (read["verdict"], read["sentence"]) == (found.verdict, found.sentence)
    assert read["elements"] == list(found.elements)
    assert read["sizes"] == ["5 x 5", "6 x 6"]
    assert len(read["records"]) == len(found.records)
    assert read["versions"].keys() == {"steergan", "escnn", "torch", "numpy"}
    assert "NaN" not in found.to_json()


def test_a_changed_weight_is_found_and_an_unchanged_network_agrees() -> None:
    network = GroupConvolution(IMAGE, HIDDEN, 3)
    saved = json.loads(verify(network, [5]).to_json())
    assert differences(saved, verify(network, [5])) == []
    assert differences(saved, verify(network.eval(), [5])) == []
    with torch.no_grad():
        next(network.parameters()).view(-1)[0] += 1e-6
    found = differences(saved, verify(network, [5]))
    assert len(found) == 1
    assert found[0].startswith("weights_sha256")


def test_other_sizes_and_edited_records_are_found() -> None:
    network = GroupConvolution(IMAGE, HIDDEN, 3)
    fresh = verify(network, [5])
    saved = json.loads(fresh.to_json())
    assert [words.split(":")[0] for words in differences(saved, verify(network, [6]))] == ["sizes"]
    edited = copy.deepcopy(saved)
    edited["records"][0]["verdict"] = "no claim"
    assert len(differences(edited, fresh)) == 1
    assert differences({}, fresh) != []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"modes": ("eval",)}, "evaluation"),
        ({"modes": ()}, "evaluation"),
        ({"modes": "training"}, "evaluation"),
        ({"level": 9}, "0 to 6"),
        ({"claim": "foo"}, "invariant was wanted"),
        ({"others": torch.zeros(2, 3)}, "a tuple of tensors"),
        ({"sizes": []}, "sizes is empty"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SubjectError, match=words):
        verify(GroupConvolution(IMAGE, HIDDEN, 3), **{"sizes": 5, **settings})


def test_a_plain_module_may_take_tensors_and_have_an_out_type() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_type, self.out_type = IMAGE, HIDDEN
            self.layer = GroupConvolution(IMAGE, HIDDEN, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(self.in_type(x)).tensor

    assert verify(Plain(), 5, out_type=HIDDEN).verdict == "proved"
