"""Functions of sampled fields: values, and derivatives of three orders, against torch's own operators."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from steergan.errors import SteerganError
from steergan.kernels import library
from steergan.kernels.samples import computes, sampled, sampled_gradient

pytestmark = pytest.mark.skipif(library.native() is None, reason="no kernels")
SLOPE = 0.2


def drawn(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def plain(x: Tensor, sampling: Tensor, projection: Tensor, function: str) -> Tensor:
    values = sampling @ x
    return projection @ (F.elu(values) if function == "elu" else F.leaky_relu(values, SLOPE))


@pytest.mark.parametrize("function", ["elu", "leaky_relu"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1), (3, 17, 5, 7, 16), (2, 841, 14, 14, 32), (5, 32, 7, 5, 144)])
def test_values_and_two_derivatives_are_torchs(
    sizes: tuple[int, int, int, int, int], dtype: torch.dtype, function: str
) -> None:
    fields, pixels, size, out_size, samples = sizes
    sampling, projection = drawn(samples, size, seed=0, dtype=dtype), drawn(out_size, samples, seed=1, dtype=dtype)
    g, v = drawn(fields, out_size, pixels, seed=2, dtype=dtype), drawn(fields, size, pixels, seed=3, dtype=dtype)
    results = []
    for compute in (lambda x: sampled(x, sampling, projection, function, SLOPE),
                    lambda x: plain(x, sampling, projection, function)):  # fmt: skip
        x, weight = drawn(fields, size, pixels, seed=4, dtype=dtype).requires_grad_(), g.clone().requires_grad_()
        y = compute(x)
        first = torch.autograd.grad((weight * y).sum(), x, create_graph=True)[0]
        results.append([y, first, *torch.autograd.grad((v * first).sum(), (x, weight))])
    for found, wanted in zip(*results, strict=True):
        assert (found - wanted).abs().max() <= (1e-4 if dtype == torch.float32 else 1e-12) * wanted.abs().max().clamp(1)


def test_elu_keeps_what_is_tiny_large_or_no_number() -> None:
    one = torch.ones(1, 1)
    x = torch.tensor([-1e-6, -1e-3, -20.0, -1e4, 1e4, 0.0, -0.34, float("nan"), float("inf"), -float("inf")])
    found = sampled(x.view(1, 1, -1), one, one, "elu", 0.0).flatten()
    assert torch.allclose(found, F.elu(x), rtol=3e-7, atol=0, equal_nan=True)


@pytest.mark.parametrize("function", ["elu", "leaky_relu"])
def test_the_third_derivative_is_that_of_finite_differences(function: str) -> None:
    x, g = drawn(2, 3, 5, seed=0).requires_grad_(), drawn(2, 4, 5, seed=1).requires_grad_()
    sampling, projection = drawn(7, 3, seed=2), drawn(4, 7, seed=3)
    assert torch.autograd.gradgradcheck(
        lambda x, g: sampled_gradient(x, g, sampling, projection, function, SLOPE), (x, g)
    )


def test_bits_do_not_depend_on_threads_nor_on_batch_mates() -> None:
    x, sampling, projection = drawn(12, 5, 37, seed=0), drawn(16, 5, seed=1), drawn(5, 16, seed=2)
    threads = torch.get_num_threads()
    try:
        found = []
        for count in (1, 3):
            torch.set_num_threads(count)
            found.append(sampled(x, sampling, projection, "elu", 0.0))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*found)
    assert torch.equal(found[0][4:6], sampled(x[4:6], sampling, projection, "elu", 0.0))


def test_what_does_not_fit_is_refused_in_one_line() -> None:
    x, sampling, projection = drawn(2, 3, 5, seed=0), drawn(7, 3, seed=1), drawn(3, 7, seed=2)
    for matrices, words in (
        ((drawn(7, 4, seed=1), projection), "do not fit together"),
        ((sampling, projection.float()), "all float32 or all float64"),
        ((drawn(145, 3, seed=1), drawn(3, 145, seed=1)), "are not such as the kernels compute"),
    ):
        with pytest.raises(SteerganError, match=words):
            sampled(x, *matrices, "elu", 0.0)
    assert not computes(x, drawn(145, 3, seed=1), drawn(3, 145, seed=1), "elu")
    assert not computes(x.float(), sampling, projection, "elu")
    assert not computes(x, sampling, projection, "tanh")
    assert computes(x, sampling, projection, "elu")
