"""The two paths of a group convolution: the same function, the same weights, chosen by what is possible and pays."""

import copy
import logging
from typing import Any

import pytest
import torch
from escnn.nn import FieldType
from torch import Tensor, nn

from steergan.errors import SteerganError
from steergan.kernels import library
from steergan.layers import (
    FieldBatchNorm,
    GroupConvolution,
    Pointwise,
    UpsampleConvolution,
    choose_convolution,
    shared_filters,
)
from steergan.layers.filters.path import uses_fourier
from steergan.symmetry import fourier_representation, gspace, regular_type, trivial_type
from tests.kernels.search import search_anew
from tests.thorough import grid

GROUPS = ["C2", "D1", "C4", "D2", "D4"]


@pytest.fixture
def kernels() -> None:
    if library.native() is None:
        pytest.skip(f"no kernels: {library.absence()}")


@pytest.fixture
def no_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_KERNELS", "off")
    search_anew(monkeypatch)


def layer(group: str, kernel_size: int = 3, upsample: bool = False, *, spectral_norm: bool = False) -> Any:
    """With a bias that is not zero."""
    torch.manual_seed(0)
    space = gspace(group)
    kind = UpsampleConvolution if upsample else GroupConvolution
    made = kind(regular_type(space, 5), regular_type(space, 4), kernel_size, spectral_norm=spectral_norm)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith("bias"):
                parameter.normal_()
    return made


def derivatives(made: Any, x: Tensor) -> list[Tensor]:
    """Output, gradients, and the gradients of an R1-like penalty."""
    x = x.clone().requires_grad_()
    parameters = [p for name, p in made.named_parameters() if not name.endswith("bias")]
    y = made(made.in_type(x)).tensor
    first = torch.autograd.grad((y * y.cos().detach()).sum(), [x, *parameters], create_graph=True)
    (by_x,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    second = torch.autograd.grad(by_x.square().sum(), parameters)
    return [y, *first, *second]


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(("group", "kernel_size", "upsample"), grid(GROUPS, [1, 3, 5], [False, True], pairs=True))
def test_both_paths_are_the_same_function_with_the_same_gradients(group: str, kernel_size: int, upsample: bool) -> None:
    made = layer(group, kernel_size, upsample, spectral_norm=True).double().eval()
    x = torch.randn(2, made.in_type.size, 6, 6, dtype=torch.float64)
    results = []
    for choice in ("dense", "fourier"):
        choose_convolution(made, choice)
        results.append(derivatives(made, x))
    for dense, fourier in zip(*results, strict=True):
        assert not torch.equal(dense, fourier)  # or one path was taken twice
        assert torch.allclose(dense, fourier, rtol=1e-11, atol=1e-11 * float(dense.detach().abs().max()))


def fields_of(name: str, group: str) -> FieldType:
    space = gspace(group)
    if name == "fourier":
        return FieldType(space, [fourier_representation(space, 2)] * 4)
    if name == "irreps":
        return FieldType(space, [space.irrep(1, 1)] * 4)
    return FieldType(space, [space.regular_repr] * 3 + ([*space.irreps] * 2 if name == "mixed" else []))


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize(
    ("group", "into", "out", "kernel_size", "band_limited"),
    [
        ("C8", "regular", "regular", 3, False), ("C16", "regular", "regular", 3, False),
        ("D8", "regular", "regular", 3, False), ("SO2", "fourier", "fourier", 3, False),
        ("O2", "fourier", "fourier", 3, False), ("C6", "regular", "regular", 5, False),
        ("D4", "mixed", "regular", 3, False), ("D4", "irreps", "mixed", 3, False),
        ("C4", "regular", "regular", 5, True), ("D4", "regular", "regular", 3, True),
    ],
)  # fmt: skip
def test_fields_of_any_group_are_computed_by_their_pixel_group_s_kernels(
    group: str, into: str, out: str, kernel_size: int, band_limited: bool
) -> None:
    """The same function and derivatives as by the bank, of whatever is regular fields after a change of basis."""
    torch.manual_seed(0)
    in_type, out_type = fields_of(into, group), fields_of(out, group)
    settings: dict[str, Any] = {"spectral_norm": True, "band_limited": band_limited}
    made = GroupConvolution(in_type, out_type, kernel_size, **settings).double().eval()
    if made.bias is not None:
        nn.init.normal_(made.bias)
    x = torch.randn(2, in_type.size, 6, 5, dtype=torch.float64)
    results = []
    for choice in ("dense", "fourier"):
        choose_convolution(made, choice)
        assert taken(made, x) == (choice == "fourier")
        results.append(derivatives(made, x))
    for dense, fourier in zip(*results, strict=True):
        assert torch.allclose(dense, fourier, rtol=1e-11, atol=1e-11 * float(dense.detach().abs().max()))
    upsampled = UpsampleConvolution(in_type, out_type, kernel_size).double()
    outputs = []
    for choice in ("dense", "fourier"):
        choose_convolution(upsampled, choice)
        outputs.append(upsampled(in_type(x)).tensor)
    assert torch.allclose(outputs[0], outputs[1], rtol=1e-11, atol=1e-11)


@pytest.mark.usefixtures("kernels")
def test_filters_of_the_pixel_group_are_shared_and_iterate_once() -> None:
    space = gspace("C8")
    results: list[list[Any]] = []
    for choice in ("dense", "fourier"):
        torch.manual_seed(0)
        made = GroupConvolution(regular_type(space, 2), regular_type(space, 2), 3, spectral_norm=True).double()
        choose_convolution(made, choice)
        x = made.in_type(torch.ones(1, 16, 4, 4, dtype=torch.float64))
        with shared_filters(made):
            made(x).tensor.sum().backward()
            assert made.shared.reduced is not None or choice == "dense"
            again = made.fourier_filter()
            assert again is made.fourier_filter()
        assert made.spectral is not None
        results.append([made.spectral.u, made.spectral.v, made.weights[0].grad])
        made.eval()
        assert torch.equal(made.fourier_filter(), made.fourier_filter())
        assert made.shared.reduced is None
    for dense, fourier in zip(*results, strict=True):
        assert torch.allclose(dense, fourier, rtol=1e-11, atol=1e-12)


def test_it_pays_where_products_are_saved_by_more_than_it_costs_to_get_there() -> None:
    def pays(in_type: FieldType, out_type: FieldType, kernel_size: int) -> bool:
        return GroupConvolution(in_type, out_type, kernel_size).fourier_pays

    c8, c4, so2 = gspace("C8"), gspace("C4"), gspace("SO2")
    assert pays(regular_type(c8, 8), regular_type(c8, 4), 5)  # 16 x 8 fields of C4
    assert not pays(regular_type(c8, 4), regular_type(c8, 1), 5)  # 8 x 2
    assert not pays(regular_type(c8, 16), regular_type(c8, 4), 1)  # a transform serves one tap
    third, second = (FieldType(so2, [fourier_representation(so2, f)] * 16) for f in (3, 2))
    assert pays(third, third, 5)  # 8 numbers for 7
    assert not pays(second, second, 5)  # 8 for 5
    irreps = FieldType(c4, [c4.irrep(1)] * 64)
    assert not pays(irreps, regular_type(c4, 32), 3)  # half of each regular field is padding


@pytest.mark.usefixtures("kernels")
def test_training_mode_iterates_the_spectral_norm_alike() -> None:
    results = []
    for choice in ("dense", "fourier"):
        made = layer("D4", spectral_norm=True).double()
        choose_convolution(made, choice)
        x = made.in_type(torch.ones(1, made.in_type.size, 4, 4, dtype=torch.float64))
        with shared_filters(made):
            outputs = [made(x).tensor, made(x).tensor]
        assert torch.equal(*outputs)
        results.append([outputs[0], *made.spectral.buffers()])
    for dense, fourier in zip(*results, strict=True):
        assert torch.allclose(dense, fourier, rtol=1e-11, atol=1e-12)


def test_weights_and_their_names_do_not_depend_on_the_path() -> None:
    states = []
    for choice in ("dense", "fourier"):
        made = layer("C4", spectral_norm=True)
        choose_convolution(made, choice)
        states.append(copy.deepcopy(made).state_dict())
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def taken(made: Any, x: Tensor) -> bool:
    """Whether a forward calls the kernels."""
    seen: list[str] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            seen.append(str(func))
            return func(*args, **(kwargs or {}))

    with Watch():
        made(made.in_type(x))
    return any("steergan.convolve" in name for name in seen)


@pytest.mark.usefixtures("kernels")
def test_auto_takes_the_kernels_for_large_layers_only() -> None:
    space = gspace("D4")
    large = GroupConvolution(regular_type(space, 24), regular_type(space, 24), 3)
    small = GroupConvolution(regular_type(space, 1), regular_type(space, 1), 3)
    assert taken(large, torch.randn(4, 24 * 8, 16, 16))
    assert not taken(small, torch.randn(1, 8, 4, 4))
    choose_convolution(large, "dense")
    choose_convolution(small, "fourier")
    assert not taken(large, torch.randn(4, 24 * 8, 16, 16))
    assert taken(small, torch.randn(1, 8, 4, 4))


@pytest.mark.usefixtures("kernels")
def test_what_the_kernels_do_not_compute_goes_the_dense_way() -> None:
    space = gspace("C4")
    regular, image = regular_type(space, 3), trivial_type(space, 3)
    for into, out, (kernel_size, padding) in (
        (image, regular, (3, None)),
        (regular, image, (3, None)),
        (regular, regular, (2, None)),
        (regular, regular, (3, 0)),
        (regular, regular, (13, None)),
    ):
        made = GroupConvolution(into, out, kernel_size, padding=padding)
        choose_convolution(made, "fourier")
        assert not uses_fourier(made)
        assert not taken(made, torch.randn(1, into.size, 16, 16))
    half = layer("C4").bfloat16()
    choose_convolution(half, "fourier")
    assert not taken(half, torch.randn(1, half.in_type.size, 8, 8, dtype=torch.bfloat16))


def test_without_kernels_the_dense_path_runs_and_says_so_once(
    no_kernels: None, caplog: pytest.LogCaptureFixture
) -> None:
    made = layer("D4")
    choose_convolution(made, "fourier")
    x = made.in_type(torch.randn(2, made.in_type.size, 6, 6))
    with caplog.at_level(logging.WARNING, "steergan"):
        first, second = made(x).tensor, made(x).tensor
    assert torch.equal(first, second)
    assert [r.getMessage() for r in caplog.records] == ["convolutions run on the dense path: STEERGAN_KERNELS=off"]


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(SteerganError, match="convolution = 'fast'; wanted: one of auto, fourier, dense"):
        choose_convolution(layer("C4"), "fast")


@pytest.mark.usefixtures("kernels")
def test_a_compiled_network_holds_the_operator() -> None:
    space = gspace("D4")
    into = regular_type(space, 4)
    network = nn.Sequential(GroupConvolution(into, into, 3, bias=False), FieldBatchNorm(into), Pointwise(into, "relu"))
    choose_convolution(network, "fourier")
    seen: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Tensor]):  # type: ignore[no-untyped-def]
        seen.extend(str(node.target) for node in graph.graph.nodes)
        return graph.forward

    x = torch.randn(2, into.size, 6, 6)

    def forward(x: Tensor) -> Tensor:
        return network(into(x)).tensor

    compiled = torch.compile(forward, backend=backend, fullgraph=True)
    network.eval()
    assert torch.allclose(compiled(x), forward(x), atol=1e-5)
    assert sum("steergan.convolve" in name for name in seen) == 1
