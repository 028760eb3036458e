"""`accelerate`: whatever it swaps computes the same, whatever it can't swap stays, and what goes wrong is undone."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from escnn import nn as enn
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType, GeometricTensor
from torch import Tensor, nn

import steergan
from steergan.acceleration import AccelerationError, Replacement, accelerate, replacements, report_of, restore
from steergan.errors import SteerganError, SubjectError
from steergan.layers import (
    AveragePool,
    FieldBatchNorm,
    GroupConvolution,
    GroupPool,
    SampledPointwise,
    StridedConvolution,
    Upsample,
    counterparts,
)
from steergan.symmetry import gspace, regular_type
from steergan.verification import verify
from steergan.verification.subject import twin_of
from tests.stock_models import convolution, grouped, mixed
from tests.thorough import grid

swap = partial(accelerate, for_=None)
"""Whatever computes the same, faster here or not."""
GROUPS = ("trivial", "C2", "C4", "D4")
STOCK = (enn.R2Conv, enn.InnerBatchNorm, enn.GroupPooling)
OWN = (GroupConvolution, FieldBatchNorm, GroupPool)


class Classifier(nn.Module):
    """A plain torch module around escnn's: a block in a list, a norm that has seen something, a layer used twice."""

    def __init__(self, space: GSpace2D) -> None:
        super().__init__()
        self.input_type = FieldType(space, [space.trivial_repr])
        fields = mixed(space)
        full: dict[str, Any] = {"frequencies_cutoff": 4.0, "bias": False}
        settings: list[tuple[FieldType, dict[str, Any]]] = [(self.input_type, {}), (fields, full)]
        self.blocks = nn.ModuleList(
            enn.SequentialModule(convolution(a, fields, **more), enn.InnerBatchNorm(fields), enn.ReLU(fields))
            for a, more in settings
        )
        self.again = convolution(fields, fields)
        self.pool = enn.GroupPooling(fields)
        self.head = nn.Linear(len(fields), 3)

    def forward(self, x: Tensor) -> Tensor:
        field = GeometricTensor(x, self.input_type)
        for block in self.blocks:
            field = block(field)
        field = self.pool(self.again(self.again(field)))
        return self.head(field.tensor.mean((2, 3)))


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(1)
    return seasoned(Classifier(gspace("C4")))


def seasoned(model: nn.Module) -> Any:
    """With moments and scales that are no longer the first ones."""
    for module in list(model.modules()):
        if isinstance(module, nn.BatchNorm3d):
            for name, tensor in (*module.named_parameters(), *module.named_buffers()):
                if name == "num_batches_tracked":
                    tensor.fill_(3)
                else:
                    nn.init.uniform_(tensor, 0.5, 2)
    return model


def twin(model: nn.Module) -> Any:
    return twin_of(model)


def image(size: int = 9, batch: int = 4, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(batch, 1, size, size, generator=torch.Generator().manual_seed(2), dtype=dtype)


def found_in(model: nn.Module, kinds: tuple[type, ...]) -> list[Any]:
    return [module for module in model.modules() if isinstance(module, kinds)]


def apart(found: Tensor, wanted: Tensor) -> float:
    return float(((found - wanted).abs().max() / wanted.abs().max()).detach())


# --- the same function


@pytest.mark.parametrize(("name", "training"), grid(GROUPS, [True, False]))
def test_outputs_and_gradients_of_first_and_second_order_are_the_same(name: str, training: bool) -> None:
    torch.manual_seed(0)
    stock = seasoned(Classifier(gspace(name))).train(training)
    swapped = twin(stock)
    assert swap(swapped, 9, certify=False) is swapped
    assert not found_in(swapped, STOCK)
    assert len(found_in(swapped, OWN)) == 6
    results: list[tuple[Any, ...]] = []
    models: list[Any] = [stock, swapped]
    for model in models:
        x = image().requires_grad_()
        scores = model(x)
        (gradient,) = torch.autograd.grad(scores.square().sum(), x, create_graph=True)
        gradient.square().sum().backward()
        results.append((scores, gradient, x.grad, model.head.weight.grad))
    for theirs, ours in zip(*results, strict=True):
        assert apart(ours, theirs) < 1e-4


@pytest.mark.parametrize("name", GROUPS)
def test_training_leaves_the_same_moments_behind(name: str) -> None:
    stock = seasoned(Classifier(gspace(name)))
    swapped = swap(twin(stock), 9, certify=False)
    for model in (stock, swapped):
        model(image())
    norms = zip(found_in(stock, (enn.InnerBatchNorm,)), found_in(swapped, (FieldBatchNorm,)), strict=True)
    for theirs, ours in norms:
        for size, fields in zip(ours.layout.sizes, ours.layout.fields, strict=True):
            part = getattr(theirs, f"batch_norm_[{size}]")
            assert torch.allclose(ours.running_mean[fields], part.running_mean, rtol=1e-4, atol=1e-5)
            assert torch.allclose(ours.running_var[fields], part.running_var, rtol=1e-4)
            assert int(ours.num_batches_tracked) == int(part.num_batches_tracked) == 4
    assert apart(swapped.eval()(image()), stock.eval()(image())) < 1e-4


@pytest.mark.parametrize(("kernel_size", "cutoff", "padding"), grid([1, 3, 5], [None, 4.0], [0, 2], pairs=True))
def test_filters_of_any_band_and_padding_are_taken_over(kernel_size: int, cutoff: float | None, padding: int) -> None:
    fields = mixed(gspace("C4"))
    stock = convolution(fields, fields, kernel_size, padding=padding, frequencies_cutoff=cutoff)
    swapped = swap(stock, 9, certify=False)
    x = GeometricTensor(torch.randn(2, fields.size, 9, 9), fields)
    assert apart(swapped(x).tensor, stock(x).tensor) < 1e-5


def test_irreps_of_a_grid_group_are_taken_over() -> None:
    space = gspace("D4")
    fields = FieldType(space, [space.irrep(1, 1), space.trivial_repr, space.irrep(1, 0), space.regular_repr])
    stock = convolution(fields, fields)
    swapped = swap(stock, 9, certify=False)
    assert isinstance(swapped, GroupConvolution)
    x = GeometricTensor(torch.randn(2, fields.size, 9, 9), fields)
    assert apart(swapped(x).tensor, stock(x).tensor) < 1e-5


def test_float64_models_stay_so(classifier: Classifier) -> None:
    lift, fields = classifier.blocks[0], regular_type(gspace("C4"), 3)
    layers = convolution(lift.out_type, fields), enn.InnerBatchNorm(fields), enn.GroupPooling(fields)
    # A copy, because escnn's layers of equal types share a basis, and would all have it in float64.
    stock = twin(enn.SequentialModule(*lift.children(), *layers)).double()
    swapped = swap(twin(stock), 9, certify=False)
    assert {p.dtype for p in swapped.parameters()} == {torch.float64}
    x = GeometricTensor(image(dtype=torch.float64), stock.in_type)
    assert swapped(x).tensor.dtype == torch.float64
    assert apart(swapped(x).tensor, stock(x).tensor.double()) < 1e-6  # GroupPooling rounds to float32


def test_the_first_steps_of_training_lower_the_loss(classifier: Classifier) -> None:
    swap(classifier, 9, certify=False)
    optimizer = torch.optim.SGD(classifier.parameters(), 1e-3)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(classifier(image()), torch.tensor([0, 1, 2, 0]))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.grad is not None for parameter in classifier.parameters())


# --- where a layer stands


def test_a_layer_that_is_used_twice_is_swapped_for_one(classifier: Classifier) -> None:
    model: Any = nn.ModuleDict({"a": classifier.again, "b": nn.ModuleList([classifier.again])})
    (row,) = replacements(model)
    assert row.paths == ("a", "b.0")
    model.forward = lambda x: model["b"][0](model["a"](x))
    before = twin(classifier.again)
    fields = classifier.again.in_type
    swap(model, 9, certify=False, in_type=fields)
    assert model["a"] is model["b"][0]
    assert isinstance(model["a"], GroupConvolution)
    x = GeometricTensor(torch.randn(2, fields.size, 9, 9), fields)
    assert apart(model(x).tensor, before(before(x)).tensor) < 1e-5


@pytest.mark.parametrize(("kind", "own"), [*zip(STOCK, OWN, strict=True)])
def test_a_model_that_is_a_layer_itself_is_returned_as_another(kind: type, own: type) -> None:
    fields = regular_type(gspace("C4"), 2)
    layer = convolution(fields, fields) if kind is enn.R2Conv else kind(fields)
    (row,) = replacements(layer)
    assert row.paths == ("",)
    assert type(swap(layer, 9)) is own


def test_containers_of_escnn_take_the_new_layers(classifier: Classifier) -> None:
    block: Any = classifier.blocks[0]
    labels = ["a", "b"]
    fields = regular_type(gspace("C4"), 2)
    both = enn.MultipleModule(
        fields, labels, [(enn.SequentialModule(convolution(part := regular_type(gspace("C4"), 1), part)), "a"),
                         (enn.InnerBatchNorm(part), "b")]
    )  # fmt: skip
    swap(both, 9)
    swap(block, 9)
    assert [type(layer) for layer in block] == [GroupConvolution, FieldBatchNorm, enn.ReLU]
    assert not found_in(both, STOCK)


def test_modes_and_frozen_parameters_are_kept(classifier: Classifier) -> None:
    blocks: Any = classifier.blocks
    first, second = blocks
    for parameter in first.parameters():
        parameter.requires_grad_(False)
    for part in second[1].children():
        part.eval()  # a frozen norm in a model that trains
    first.eval()
    swap(classifier, 9, certify=False)
    assert classifier.training
    assert not any(p.requires_grad for p in first.parameters())
    assert all(p.requires_grad for p in second.parameters())
    assert (first[0].training, first[1].training, second[1].training) == (False, False, False)
    assert classifier.again.training


@pytest.mark.parametrize("momentum", [0.3, None])
@pytest.mark.parametrize("affine", [True, False])
def test_settings_of_norms_are_kept(momentum: float | None, affine: bool) -> None:
    fields = mixed(gspace("C4"))
    norm = swap(enn.InnerBatchNorm(fields, momentum=momentum, affine=affine, eps=0.02), 9, certify=False)
    assert isinstance(norm, FieldBatchNorm)
    assert (norm.momentum, norm.eps, norm.affine) == (momentum, 0.02, affine)


def test_a_model_in_evaluation_mode_is_accelerated(classifier: Classifier) -> None:
    classifier.eval()  # R2Conv keeps filters with a graph
    before = classifier(image())
    swap(classifier, 9, certify=False)
    assert not classifier.training
    assert apart(classifier(image()), before) < 1e-4
    copy.deepcopy(classifier)


def test_a_model_that_takes_more_than_an_image_is_accelerated(classifier: Classifier) -> None:
    class Conditional(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.embedding = classifier, nn.Embedding(3, 3)

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return self.inner(x) + self.embedding(y)

    model = Conditional()
    tried = twin(model)
    swap(tried, 9)  # the type is seen, and labels are tried
    assert not found_in(tried, STOCK)
    swap(model, 9, in_type=classifier.input_type, others=(torch.tensor([0, 2]),))
    assert not found_in(model, STOCK)


# --- what stays


def test_a_model_with_a_grouped_convolution_is_swapped_around_it(classifier: Classifier) -> None:
    classifier.again = grouped()
    classifier.blocks[1] = enn.SequentialModule(
        convolution(classifier.blocks[0].out_type, grouped().in_type), enn.InnerBatchNorm(grouped().in_type)
    )
    classifier.pool, classifier.head = enn.GroupPooling(grouped().in_type), nn.Linear(2, 3)
    before = twin(classifier)
    swap(classifier, 9, certify=False)
    assert [type(m) for m in found_in(classifier, STOCK)] == [enn.R2Conv]
    assert apart(classifier(image()), before(image())) < 1e-4


@pytest.mark.parametrize("name", ["C8", "SO2", "O2"])
def test_layers_off_the_grid_are_swapped_and_compute_the_same(name: str) -> None:
    space = gspace(name)
    activation = enn.FourierELU(space, 2, irreps=space.fibergroup.bl_irreps(2), N=8, type="regular")
    fields, image_type = activation.in_type, FieldType(space, [space.trivial_repr])
    half = enn.PointwiseAvgPool2D(fields, 2)
    layers = convolution(image_type, fields, padding=1, bias=True), activation, half, enn.R2Upsampling(fields, 2)
    model = enn.SequentialModule(*layers, enn.R2Conv(fields, fields, 3, stride=2, padding=1))
    before = twin(model)
    swap(model, 8)
    kinds = [GroupConvolution, SampledPointwise, AveragePool, Upsample, StridedConvolution]
    assert [type(layer) for layer in model] == kinds
    found: list[Tensor] = []
    wanted: list[Tensor] = []
    for network, results in ((model, found), (before, wanted)):
        x = image(8).requires_grad_()
        for y in (network.train()(image_type(x)).tensor, network.eval()(image_type(x)).tensor):
            first = torch.autograd.grad(y.square().sum(), x, create_graph=True)[0]
            results += [y, first, *torch.autograd.grad(first.square().sum(), x)]
    assert max(map(apart, found, wanted)) < 1e-4
    back = restore(model)
    assert [type(layer) for layer in back.children()] == [type(layer) for layer in before]
    assert apart(back.eval()(image_type(image(8))).tensor, before(image_type(image(8))).tensor) < 1e-4
    with pytest.raises(SteerganError, match="was not accelerated"):
        report_of(back)



def test_listing_draws_no_random_numbers_and_changes_nothing(classifier: Classifier) -> None:
    state, before = torch.get_rng_state(), [*classifier.modules()]
    rows = replacements(classifier)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(a is b for a, b in zip(classifier.modules(), before, strict=True))
    assert str(rows[0]) == "blocks.0.0: R2Conv -> GroupConvolution"
    swap(classifier, 9, certify=False)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_second_call_finds_nothing_to_do(classifier: Classifier) -> None:
    steergan.accelerate(classifier, 9, for_=None, certify=False)
    assert replacements(classifier) == []
    before = [*classifier.modules()]
    assert steergan.accelerate(classifier) is classifier
    assert all(a is b for a, b in zip(classifier.modules(), before, strict=True))


def test_the_package_knows_it_by_its_short_name_and_nothing_like_it() -> None:
    assert steergan.accelerate is accelerate
    with pytest.raises(AttributeError, match="has no attribute 'acelerate'"):
        steergan.acelerate  # type: ignore[attr-defined]  # noqa: B018


# --- certificates


def test_what_was_proved_of_the_weights_at_hand_is_proved_of_all(classifier: Classifier) -> None:
    model = enn.SequentialModule(*classifier.blocks[0].children(), classifier.again)
    before = verify(model, 9)
    swap(model, 9)
    after = verify(model, 9)
    assert before.verdict == after.verdict == "proved"
    assert "the weights at hand" in before.sentence
    assert "every value of its weights" in after.sentence


# --- what goes wrong


def scaled(old: enn.R2Conv) -> GroupConvolution:
    new = GroupConvolution.from_r2conv(old)
    with torch.no_grad():
        new.weights[0].mul_(1.01)
    return new


def of_other_momentum(old: enn.InnerBatchNorm) -> FieldBatchNorm:
    new = counterparts._norm(old)
    new.momentum = 0.2
    return new


def of_other_eps(old: enn.InnerBatchNorm) -> FieldBatchNorm:
    new = counterparts._norm(old)
    new.eps = 1e-2
    return new


def failing(old: enn.GroupPooling) -> nn.Module:
    return GroupPool(regular_type(gspace("C4"), 7))


def interrupted(old: enn.GroupPooling) -> nn.Module:
    pool = GroupPool(old.in_type)

    def stop(x: GeometricTensor) -> GeometricTensor:
        raise KeyboardInterrupt

    pool.forward = stop  # type: ignore[method-assign]
    return pool


MUTANTS: list[tuple[type, Callable[[Any], nn.Module], type[BaseException], str]] = [
    (enn.R2Conv, scaled, AccelerationError, "something else at 9 x 9, as it is"),
    (enn.InnerBatchNorm, of_other_eps, AccelerationError, "something else"),
    (enn.InnerBatchNorm, of_other_momentum, AccelerationError, "in evaluation"),
    (enn.GroupPooling, lambda old: GroupPool(old.in_type, "mean"), AccelerationError, "something else"),
    (enn.GroupPooling, failing, AccelerationError, "can't be run at 9 x 9"),
    (enn.GroupPooling, interrupted, KeyboardInterrupt, "^$"),
]


def restored(model: nn.Module, before: list[nn.Module], state: dict[str, Tensor], error: BaseException) -> bool:
    """The same modules with the same numbers, and one line about it."""
    same = all(a is b for a, b in zip(model.modules(), before, strict=True))
    equal = all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    unhooked = not any(module._forward_pre_hooks for module in model.modules())
    told = not isinstance(error, AccelerationError) or "the model is as it was" in str(error).lower()
    return same and equal and unhooked and told and "\n" not in str(error)


@pytest.mark.parametrize(("kind", "mutant", "raised", "words"), MUTANTS, ids=[str(i) for i in range(len(MUTANTS))])
def test_a_layer_that_computes_something_else_is_refused(
    classifier: Classifier,
    monkeypatch: pytest.MonkeyPatch,
    kind: type,
    mutant: Callable[[Any], nn.Module],
    raised: type[BaseException],
    words: str,
) -> None:
    monkeypatch.setitem(counterparts.COUNTERPARTS, kind, mutant)
    before, state = [*classifier.modules()], copy.deepcopy(classifier.state_dict())
    with pytest.raises(raised, match=words) as caught:
        swap(classifier, 9)
    assert restored(classifier, before, state, caught.value)


def test_a_layer_with_which_the_proof_is_lost_is_refused(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Opaque(GroupPool):
        """The same values, by way of NumPy, where no proof follows."""

        def forward(self, x: GeometricTensor) -> GeometricTensor:
            fields = x.tensor.detach().numpy().reshape(len(x.tensor), len(self.in_type), -1, *x.tensor.shape[2:])
            return self.out_type(torch.from_numpy(fields.max(2)))

    fields = regular_type(gspace("C4"), 2)
    model = enn.SequentialModule(convolution(classifier.input_type, fields), enn.GroupPooling(fields))
    monkeypatch.setitem(counterparts.COUNTERPARTS, enn.GroupPooling, lambda old: Opaque(old.in_type))
    before, state = [*model.modules()], copy.deepcopy(model.state_dict())
    with pytest.raises(AccelerationError, match="no longer proved") as caught:
        swap(model, 9)
    assert restored(model, before, state, caught.value)
    swap(model, 9, certify=False)
    assert isinstance(model[1], Opaque)


def test_a_layer_that_a_list_holds_too_is_refused(classifier: Classifier) -> None:
    classifier.stages = [classifier.again]  # type: ignore[assignment]
    again = classifier.again

    class Listed(Classifier):
        def forward(self, x: Tensor) -> Tensor:
            field = self.stages[0](self.blocks[0](GeometricTensor(x, self.input_type)))  # type: ignore[index, operator]
            return self.head(self.pool(field).tensor.mean((2, 3)))

    classifier.__class__ = Listed
    before, state = [*classifier.modules()], copy.deepcopy(classifier.state_dict())
    with pytest.raises(AccelerationError, match="R2Conv at 'again' is also called by a reference") as caught:
        swap(classifier, 9)
    assert restored(classifier, before, state, caught.value)
    assert classifier.again is again


def test_a_model_in_ddp_is_refused(classifier: Classifier) -> None:
    wrapped = nn.parallel.DistributedDataParallel.__new__(nn.parallel.DistributedDataParallel)
    nn.Module.__init__(wrapped)
    wrapped.module = classifier
    with pytest.raises(AccelerationError, match="before it is wrapped"):
        swap(wrapped)


def test_a_model_that_can_not_be_run_is_refused(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SubjectError, match="can't be run"):
        swap(nn.ModuleList([classifier]), 9, in_type=classifier.input_type)
    assert found_in(classifier, OWN) == []

    class Untrainable(Classifier):
        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                raise RuntimeError("never in training")
            return super().forward(x)

    classifier.__class__ = Untrainable
    with pytest.raises(SubjectError, match="before any change: never in training"):
        swap(classifier, 9)
    assert found_in(classifier, OWN) == []


def test_rows_say_where_what_and_why() -> None:
    layer = grouped()
    assert str(Replacement(("a", "b"), layer, None, "for a reason")) == "a and b: R2Conv stays: for a reason"
    assert str(Replacement(("",), layer, GroupPool(layer.in_type))) == "the model itself: R2Conv -> GroupPool"
