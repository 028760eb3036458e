"""What layers keep in evaluation: no way of changing a weight makes a wrong answer, and nothing is held elsewhere."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steergan.copies import copied
from steergan.layers import GroupConvolution, SpectralLinear, UpsampleConvolution, shared_filters
from steergan.layers.kept import Keeper
from steergan.layers.shared_filters import FilteredLayer
from steergan.symmetry import gspace, regular_type, trivial_type
from tests.thorough import grid


class Network(nn.Module):
    """Every layer with a filter: gathered, of several pairs, on a basis, upsampled, dense; with norms and without."""

    def __init__(self, name: str = "C4") -> None:
        super().__init__()
        space = gspace(name)
        image, fields = trivial_type(space, 1), regular_type(space, 1)
        self.image = image
        self.layers: Any = nn.ModuleList(
            [
                GroupConvolution(image, fields, 3),
                GroupConvolution(fields, fields + image, 3, spectral_norm=True),
                UpsampleConvolution(fields + image, fields, 3, spectral_norm=True),
                GroupConvolution(fields, fields, 3),
            ]
        )
        self.head = SpectralLinear(fields.size, 3)

    def forward(self, x: Tensor) -> Tensor:
        field = self.image(x)
        for layer in self.layers:
            field = layer(field)
        return self.head(field.tensor.mean((2, 3)))


IMAGE = torch.randn(1, 1, 5, 5, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def answers(network: nn.Module, x: Tensor = IMAGE) -> tuple[Tensor, Tensor]:
    """What it says, and what a copy that keeps nothing says."""
    return network(x), copied(network)(x)


def seasoned(name: str = "C4") -> Network:
    torch.manual_seed(0)
    network = Network(name).eval()
    answers(network)
    assert all(keeper.entries for keeper in keepers(network))
    return network


def keepers(network: nn.Module) -> list[Keeper]:
    return [module.keeper for module in network.modules() if isinstance(module, (GroupConvolution, SpectralLinear))]


def step(optimizer: Any, **settings: Any) -> Callable[[Network], None]:
    def change(network: Network) -> None:
        network(IMAGE).square().sum().backward()
        optimizer(network.parameters(), lr=0.1, **settings).step()

    return change


def replaced_data(network: Network) -> None:
    for parameter in network.parameters():
        parameter.data = parameter.data * 1.5


@torch.no_grad()
def average(network: Network) -> None:
    parameters: list[Tensor] = [*network.parameters()]
    torch._foreach_lerp_(parameters, [torch.full_like(p, 0.5) for p in parameters], 0.5)  # as ExponentialAverage does


def swapped_parameters(network: Network) -> None:
    for layer in network.layers[:1]:
        layer.weights[0] = nn.Parameter(layer.weights[0].detach() + 1)


def through_numpy(network: Network) -> None:
    for parameter in network.parameters():
        parameter.detach().numpy()[...] *= 2


def in_inference(network: Network) -> None:
    with torch.inference_mode():
        network(IMAGE)
        for parameter in network.parameters():
            parameter.mul_(2)


@torch.no_grad()
def filled(network: Network) -> None:
    for parameter in network.parameters():
        parameter.copy_(torch.full_like(parameter, 0.3))


@torch.no_grad()
def one_entry(network: Network) -> None:
    network.layers[3].weights[0].view(-1)[-1] += 1


def moved_vectors(network: Network) -> None:
    network.train()
    with torch.no_grad():
        network(IMAGE)
    network.eval()


def in_half_and_back(network: Network) -> None:
    network.half().float()


CHANGES: dict[str, Callable[[Network], object]] = {
    "Adam": step(torch.optim.Adam),
    "fused Adam": step(torch.optim.Adam, fused=True),
    "fused AdamW": step(torch.optim.AdamW, fused=True),
    "fused SGD": step(torch.optim.SGD, fused=True),
    "foreach SGD": step(torch.optim.SGD, foreach=True),
    "data, in place": lambda n: [p.data.mul_(1.5) for p in n.parameters()],
    "data, replaced": replaced_data,
    "copy_": filled,
    "one entry": one_entry,
    "numpy": through_numpy,
    "inference mode": in_inference,
    "a state": lambda n: n.load_state_dict({k: v * 1.5 for k, v in n.state_dict().items()}),
    "a state, assigned": lambda n: n.load_state_dict({k: v * 1.5 for k, v in n.state_dict().items()}, assign=True),
    "an average": average,
    "other parameters": swapped_parameters,
    "power iterations": moved_vectors,
    "half and back": in_half_and_back,
    "foreach": lambda n: torch._foreach_mul_([p.data for p in n.parameters()], 1.5),
    "vector_to_parameters": lambda n: nn.utils.vector_to_parameters(torch.rand(10_000), n.parameters()),
}


@pytest.mark.parametrize(("name", "way"), grid(["C4", "C8"], CHANGES))
def test_whatever_changes_weights_the_next_forward_is_right(way: str, name: str) -> None:
    network = seasoned(name)
    before, _ = answers(network)
    CHANGES[way](network)
    found, wanted = answers(network)
    assert not torch.equal(found, before)
    assert torch.equal(found, wanted)
    assert torch.equal(*answers(network))


def test_a_network_in_another_dtype_is_right_there_and_back() -> None:
    network = seasoned()
    before, _ = answers(network)
    for dtype in (torch.float64, torch.bfloat16):
        found, wanted = answers(copy.deepcopy(network).to(dtype), IMAGE.to(dtype))
        assert found.dtype == dtype
        assert torch.equal(found, wanted)
    network.double()
    assert torch.equal(*answers(network, IMAGE.double()))
    assert torch.equal(network.float()(IMAGE), before)


def test_other_tables_make_another_filter() -> None:
    network = seasoned()
    layer: Any = network.layers[3]
    expansion = layer.expansions[0]
    before, _ = answers(network)
    expansion.entry = expansion.entry.flip(1)
    replaced, wanted = answers(network)
    assert not torch.equal(replaced, before)
    assert torch.equal(replaced, wanted)
    expansion.entry.copy_(expansion.entry.roll(1, 1))
    changed, wanted = answers(network)
    assert not torch.equal(changed, replaced)
    assert torch.equal(changed, wanted)


def test_weights_that_are_no_numbers_are_no_reason_to_make_it_again_and_zeros_have_signs() -> None:
    keeper, made = Keeper(), []
    weight = nn.Parameter(torch.tensor([float("nan"), 0.0]), requires_grad=False)

    def make() -> Tensor:
        made.append(1)
        return 1 / weight

    keeper.get("a", make, [weight], [])
    keeper.get("a", make, [weight], [])
    assert len(made) == 1
    weight.data[1] = -0.0
    assert keeper.get("a", make, [weight], [])[1] == float("-inf")


def test_filters_are_made_once_in_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    network, made = seasoned(), []
    normalized = FilteredLayer._normalized

    def counted(self: FilteredLayer, *args: Any) -> Tensor:
        made.append(1)
        return normalized(self, *args)

    monkeypatch.setattr(FilteredLayer, "_normalized", counted)
    for _ in range(3):
        network.eval()
        with torch.no_grad():
            network(IMAGE)
    assert not made
    network.requires_grad_(False)
    network(IMAGE.clone().requires_grad_()).sum().backward()  # a gradient of the image alone
    assert not made
    network.requires_grad_(True)
    network(IMAGE).sum().backward()
    assert made
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_gradients_after_inference_mode_are_there() -> None:
    network = seasoned().requires_grad_(False)
    with torch.inference_mode():
        network(IMAGE)
    x = IMAGE.clone().requires_grad_()
    network(x).sum().backward()
    assert x.grad is not None


def test_training_states_copies_and_pickles_hold_nothing() -> None:
    network = seasoned()
    keys, fresh = network.state_dict().keys(), Network()
    assert keys == fresh.state_dict().keys()
    assert all(torch.equal(p, q) for p, q in zip(network.buffers(), copy.deepcopy(network).buffers(), strict=True))
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network.layers[0].keeper))):
        assert all(not keeper.entries for keeper in (keepers(other) if isinstance(other, nn.Module) else [other]))
    head, stream = network.head, io.BytesIO()
    torch.save(head, stream)
    stream.seek(0)
    assert not torch.load(stream, weights_only=False).keeper.entries
    network.train()
    assert all(not keeper.entries for keeper in keepers(network))
    with torch.no_grad():
        network(IMAGE)
    assert all(not keeper.entries for keeper in keepers(network))
    network.eval()(IMAGE)  # with gradients
    assert all(not keeper.entries for keeper in keepers(network))


def test_what_a_layer_gives_away_is_not_what_it_keeps() -> None:
    network = seasoned()
    before, _ = answers(network)
    with torch.no_grad():
        for layer in network.layers[:2]:
            layer.filter_bank().zero_()
            layer.filter_matrix().zero_()
            layer.channel_bias().zero_()
    assert torch.equal(answers(network)[0], before)


def test_weights_in_place_of_parameters_are_used() -> None:
    network = seasoned()
    before, _ = answers(network)
    doubled = {name: parameter.detach() * 1.5 for name, parameter in network.named_parameters()}
    with torch.no_grad():
        found = torch.func.functional_call(network, doubled, (IMAGE,))
    assert not torch.equal(found, before)
    assert torch.equal(answers(network)[0], before)
    gradients = torch.func.grad(lambda w: torch.func.functional_call(network, w, (IMAGE,)).sum())(doubled)
    assert all(bool(gradient.any()) for name, gradient in gradients.items() if "weights" in name)
    by_image = torch.func.grad(lambda x: network(x).sum())(IMAGE)
    assert bool(by_image.any())
    assert torch.equal(answers(network)[0], before)


def test_inside_shared_filters_they_are_as_they_were_when_it_began() -> None:
    network = seasoned()
    before, _ = answers(network)
    with torch.no_grad(), shared_filters(network):
        network(IMAGE)
        for parameter in network.layers.parameters():
            parameter.mul_(2)
        inside = network(IMAGE)
    found, wanted = answers(network)
    assert torch.equal(found, wanted)
    assert not torch.equal(found, before)
    assert not torch.equal(found, inside)
