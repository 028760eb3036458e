"""The operators against the filter bank, their derivatives, and what torch has to know of them."""

import threading
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import conv2d

from steergan.errors import SteerganError
from steergan.kernels import interface, library
from steergan.kernels.operators import convolve, filter_gradient
from steergan.layers.filters.expansion import OrbitExpansion
from steergan.layers.filters.orbits import filter_orbits
from steergan.symmetry import group_order, gspace
from tests.thorough import grid

GROUPS = list(interface.ALGEBRAS)


@pytest.fixture(autouse=True)
def kernels() -> library.NativeLibrary:
    found = library.native()
    if found is None:
        pytest.skip(f"no kernels: {library.absence()}")
    return found


def bank(w: Tensor, group: str) -> Tensor:
    """The filter bank of the dense path."""
    space, (n_out, n_in, order, k, _) = gspace(group), w.shape
    expansion = OrbitExpansion(filter_orbits(space, space.regular_repr, space.regular_repr, k))
    return expansion(w.flatten(2)).reshape(n_out * order, n_in * order, k, k)


def draw(group: str, *sizes: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """x, w, y, for a batch, fields in and out, height, width and kernel size."""
    batch, n_in, n_out, height, width, k = sizes
    torch.manual_seed(0)
    order = group_order(gspace(group))
    x = torch.randn(batch, n_in * order, height, width, dtype=dtype)
    w = torch.randn(n_out, n_in, order, k, k, dtype=dtype)
    return x, w, torch.randn(batch, n_out * order, height, width, dtype=dtype)


SHAPES = [
    (1, 1, 1, 1, 1),
    (2, 3, 5, 7, 7),
    (5, 2, 1, 2, 3),
    (3, 20, 17, 9, 9),
    (7, 33, 40, 4, 4),
    (2, 17, 16, 8, 24),
    (1, 2, 230, 5, 6),
]
"""batch, in fields, out fields, height, width: chunks, tiles, vectors and maps that end anywhere."""


def relative(found: Tensor, wanted: Tensor) -> float:
    return float((found.double() - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize(("group", "k", "shape"), grid(GROUPS, [1, 3, 5], SHAPES, pairs=True))
def test_all_three_gradients_equal_those_of_the_filter_bank(
    group: str, k: int, shape: tuple[int, int, int, int, int]
) -> None:
    for dtype, allowed in ((torch.float64, 1e-13), (torch.float32, 3e-6)):
        x, w, y = draw(group, *shape, k, dtype=dtype)
        x_, w_ = (tensor.to(torch.float64, copy=True).requires_grad_() for tensor in (x, w))
        wanted = conv2d(x_, bank(w_, group), padding=k // 2)
        by_x, by_w = torch.autograd.grad(wanted, (x_, w_), y.double())
        assert relative(convolve(x, w, group, False), wanted.detach()) < allowed
        assert relative(convolve(y, w, group, True), by_x) < allowed
        assert relative(filter_gradient(x, y, group, k), by_w) < allowed


@pytest.mark.parametrize(("group", "k"), grid(GROUPS, [1, 3, 5]))
def test_first_and_second_derivatives_are_right(group: str, k: int) -> None:
    x, w, y = (tensor.requires_grad_() for tensor in draw(group, 2, 2, 3, 3, 3, k))
    for adjoint, into in ((False, x), (True, y)):
        assert gradcheck(lambda a, b, adjoint=adjoint: convolve(a, b, group, adjoint), (into, w), fast_mode=True)
        assert gradgradcheck(lambda a, b, adjoint=adjoint: convolve(a, b, group, adjoint), (into, w), fast_mode=True)
    assert gradcheck(lambda a, b: filter_gradient(a, b, group, k), (x, y), fast_mode=True)
    assert gradgradcheck(lambda a, b: filter_gradient(a, b, group, k), (x, y), fast_mode=True)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck's own
@pytest.mark.parametrize("group", ["C4", "D4"])
def test_torch_finds_no_fault_in_the_operators(group: str) -> None:
    x, w, y = (tensor.requires_grad_() for tensor in draw(group, 2, 3, 2, 4, 5, 3, dtype=torch.float32))
    torch.library.opcheck(convolve, (x, w, group, False))
    torch.library.opcheck(convolve, (y, w, group, True))
    torch.library.opcheck(filter_gradient, (x, y, group, 3))


def test_results_have_the_same_bits_for_any_number_of_threads_and_any_vectors(kernels: library.NativeLibrary) -> None:
    before = torch.get_num_threads()
    vectors: list[str] = {"portable": [], "avx2": ["avx2"], "avx512": ["avx2", "avx512"]}[kernels.instructions]
    try:
        for group, shape in (("D4", (3, 19, 40, 9, 9)), ("C4", (2, 40, 19, 12, 12)), ("D2", (1, 3, 60, 3, 3))):
            x, w, y = draw(group, *shape, 3, dtype=torch.float32)
            results: list[tuple[Tensor, ...]] = []
            for threads in (1, 2, 3, 5):
                torch.set_num_threads(threads)
                found = convolve(x, w, group, False), convolve(y, w, group, True), filter_gradient(x, y, group, 3)
                results.append(found)
            results += [computed_with(kernels, name, group, (x, w, y), (*shape, 3)) for name in vectors]
            for result in results[1:]:
                assert all(torch.equal(a, b) for a, b in zip(result, results[0], strict=True))
    finally:
        torch.set_num_threads(before)


def computed_with(
    kernels: library.NativeLibrary, instructions: str, group: str, tensors: tuple[Tensor, Tensor, Tensor], sizes: Any
) -> tuple[Tensor, ...]:
    x, w, y = tensors
    results = []
    for name, operands, like in (
        ("steergan_convolve", (x, w), y),
        ("steergan_convolve_adjoint", (y, w), x),
        ("steergan_filter_gradient", (x, y), w),
    ):
        result = torch.full_like(like, torch.nan)
        addresses = (operands[0].data_ptr(), operands[1].data_ptr(), result.data_ptr())
        convolution = interface.Convolution(group, sizes, "float32")
        interface.call(kernels.functions, name, convolution, addresses, 2, instructions)
        results.append(result)
    return tuple(results)


def test_a_sample_does_not_depend_on_its_batch_mates() -> None:
    x, w, _ = draw("D4", 5, 9, 7, 7, 7, 3, dtype=torch.float32)
    together = convolve(x, w, "D4", False)
    for i in range(len(x)):
        assert torch.equal(convolve(x[i : i + 1], w, "D4", False)[0], together[i])


def test_calls_from_two_threads_do_not_disturb_each_other() -> None:
    x, w, y = draw("D4", 4, 12, 12, 8, 8, 3, dtype=torch.float32)
    wanted = convolve(x, w, "D4", False), filter_gradient(x, y, "D4", 3)
    different: list[int] = []

    def run() -> None:
        for i in range(20):
            found = convolve(x, w, "D4", False), filter_gradient(x, y, "D4", 3)
            if not all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True)):
                different.append(i)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not different


def test_infinite_numbers_stay_within_their_sample() -> None:
    x, w, _ = draw("C4", 3, 2, 2, 5, 5, 3, dtype=torch.float32)
    x[1] = torch.nan
    found = convolve(x, w, "C4", False)
    assert found[[0, 2]].isfinite().all()
    assert found[1].isnan().all()


def test_tensors_in_any_memory_layout_are_taken() -> None:
    x, w, y = draw("D4", 2, 3, 4, 6, 6, 3)
    wanted = convolve(x, w, "D4", False)
    assert torch.equal(convolve(x.to(memory_format=torch.channels_last), w, "D4", False), wanted)
    assert torch.equal(convolve(x, w.transpose(3, 4).contiguous().transpose(3, 4), "D4", False), wanted)
    by_w = filter_gradient(x, y, "D4", 3)
    assert torch.equal(filter_gradient(x, y.to(memory_format=torch.channels_last), "D4", 3), by_w)


def test_an_empty_batch_has_an_empty_result_and_no_gradient() -> None:
    x, w, y = draw("C4", 2, 2, 3, 5, 5, 3)
    assert convolve(x[:0], w, "C4", False).shape == (0, *y.shape[1:])
    assert torch.equal(filter_gradient(x[:0], y[:0], "C4", 3), torch.zeros_like(w))


def test_shapes_that_do_not_fit_are_refused() -> None:
    x, w, y = draw("C4", 2, 2, 3, 5, 5, 3)
    for bad, words in (
        (lambda: convolve(x[:, 1:], w, "C4", False), r"maps of \(2, 7, 5, 5\); \(batch, 2 \* 4, height, width\)"),
        (lambda: convolve(x, w, "C4", True), r"\(batch, 3 \* 4, height, width\) was wanted"),
        (lambda: convolve(x[0], w, "C4", False), "maps of"),
        (lambda: convolve(x, w, "D4", False), r"filters of .*; \(out fields, in fields, 8, k, k\) was wanted"),
        (lambda: convolve(x, w[..., :2], "C4", False), "filters of"),
        (lambda: convolve(x, w[0], "C4", False), "filters of"),
        (lambda: convolve(x, w[..., :2, :2], "C4", False), "is not one that the kernels compute"),
        (lambda: convolve(x, w, "C8", False), "group 'C8' has no kernels; one of C2, D1, C4, D2, D4 was wanted"),
        (lambda: filter_gradient(x, y[:1], "C4", 3), "the same batch and size were wanted"),
        (lambda: filter_gradient(x, y[..., :4], "C4", 3), "the same batch and size were wanted"),
        (lambda: filter_gradient(x[:, 1:], y, "C4", 3), "maps of"),
    ):
        with pytest.raises(SteerganError, match=words):
            bad()


def test_half_precision_is_refused_by_name() -> None:
    x, w, _ = draw("C4", 1, 2, 2, 5, 5, 3)
    with pytest.raises(SteerganError, match="bfloat16; all float32 or all float64 were wanted"):
        convolve(x.bfloat16(), w.bfloat16(), "C4", False)
    with pytest.raises(SteerganError, match="float32 with float64"):
        convolve(x.float(), w, "C4", False)


def test_a_kernel_larger_than_the_operators_take_is_refused() -> None:
    x, w, _ = draw("C4", 1, 1, 1, 3, 3, 13)
    with pytest.raises(SteerganError, match="is not one that the kernels compute"):
        convolve(x, w, "C4", False)


def test_autocast_computes_in_float32() -> None:
    x, w, _ = draw("C4", 1, 2, 3, 5, 5, 3, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        found = convolve(x.bfloat16(), w, "C4", False)
    assert found.dtype == torch.float32
    assert torch.equal(found, convolve(x.bfloat16().float(), w, "C4", False))


def test_a_compiled_function_holds_one_operator_and_its_gradients() -> None:
    seen: list[str] = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        seen.extend(str(node.target) for node in graph.graph.nodes if node.op == "call_function")
        return graph.forward

    x, w, y = draw("D4", 2, 3, 4, 6, 6, 3, dtype=torch.float32)
    w.requires_grad_()

    def function(x: Tensor, w: Tensor) -> Tensor:
        return convolve(x, w, "D4", False)

    torch.compile(function, backend=backend, fullgraph=True)(x, w)
    assert [name for name in seen if "steergan" in name] == ["steergan.convolve.default"]
    compiled = torch.compile(function, backend="aot_eager", fullgraph=True)
    by_w = torch.autograd.grad(compiled(x, w), w, y)[0]
    assert torch.equal(by_w, filter_gradient(x, y, "D4", 3))


def test_gradients_that_nobody_asks_for_are_not_computed() -> None:
    x, w, y = (tensor.requires_grad_() for tensor in draw("D4", 2, 2, 3, 4, 4, 3))
    seen: list[str] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(str(func))
            return func(*args, **(kwargs or {}))

    def filters_made(*inputs: Tensor, through: Tensor) -> int:
        seen.clear()
        with Watch():
            torch.autograd.grad(through.sum(), inputs)
        return sum("filter_gradient" in name for name in seen)

    hidden = convolve(x * 2, w * 3, "D4", False)
    out = convolve(hidden.relu(), w, "D4", True)
    assert filters_made(x, through=convolve(x * 2, w * 3, "D4", False)) == 0
    assert filters_made(w, through=convolve(x * 2, w * 3, "D4", False)) == 1
    assert filters_made(x, w, through=convolve(x, w, "D4", False)) == 1
    assert filters_made(x, through=out) == 0
    leaf = convolve(x, w, "D4", False).sum()
    leaf.backward(inputs=[w])
    assert x.grad is None
    assert torch.equal(w.grad, filter_gradient(x.detach(), torch.ones_like(y), "D4", 3))  # type: ignore[arg-type]
