"""A group convolution by the kernels and by conv2d: the same numbers, and the tasks that both are timed at."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from steergan.errors import SteerganError
from steergan.kernels import library
from steergan.kernels.operators import convolve
from steergan.layers.filters.expansion import OrbitExpansion
from steergan.layers.filters.orbits import filter_orbits
from steergan.layers.filters.path import kernels_are_there, pays
from steergan.randomness import torch_stream
from steergan.symmetry import group_order, gspace

OWN, PLAIN, LAST = "steergan", "conv2d", "conv2d, channels last"
FORWARD, BACKWARD, PENALTY = "forward", "forward + backward", "with R1"


@dataclass(frozen=True)
class Layer:
    """A convolution of regular fields that keeps the size of square maps."""

    group: str
    in_fields: int
    out_fields: int
    size: int
    batch: int
    kernel: int = 3

    @property
    def name(self) -> str:
        fields = f"{self.in_fields} -> {self.out_fields}"
        return f"{self.group} {fields}, {self.kernel}x{self.kernel}, {self.size} x {self.size}, batch {self.batch}"


@dataclass(frozen=True)
class Operands:
    """What a rival computes with; x and w are leaves that want gradients."""

    convolution: Callable[[Tensor, Tensor], Tensor]
    x: Tensor
    w: Tensor
    grad: Tensor
    """Of the result."""


def forward(given: Operands) -> tuple[Tensor, ...]:
    """The result, without a graph."""
    with torch.no_grad():
        return (given.convolution(given.x, given.w),)


def forward_and_backward(given: Operands) -> tuple[Tensor, ...]:
    """The result, and its gradients by x and w."""
    y = given.convolution(given.x, given.w)
    return (y.detach(), *torch.autograd.grad(y, (given.x, given.w), given.grad))


def penalty(given: Operands) -> tuple[Tensor, ...]:
    """The gradients by x and w of the squared gradient by x of half the squared result: two derivatives, as R1 takes.

    Both gradients, because a hidden layer needs both, and because what computes one alone differs between rivals.
    """
    y = given.convolution(given.x, given.w)
    (by_x,) = torch.autograd.grad(y.square().sum() / 2, given.x, create_graph=True)
    return torch.autograd.grad(by_x.square().sum(), (given.x, given.w))


TASKS: dict[str, Callable[[Operands], tuple[Tensor, ...]]] = {
    FORWARD: forward,
    BACKWARD: forward_and_backward,
    PENALTY: penalty,
}


def instructions() -> str:
    """The instruction set of this process's kernels.

    Raises:
        SteerganError: there are none.
    """
    found = library.native()
    if found is None:
        raise SteerganError(f"no convolution kernels to time: {library.absence()}; {library.remedy()}")
    return found.instructions


def expanded(layer: Layer, w: Tensor) -> Tensor:
    """The filter bank (C_out, C_in, k, k) of one filter for each pair of fields."""
    space, order = gspace(layer.group), group_order(gspace(layer.group))
    expansion = OrbitExpansion(filter_orbits(space, space.regular_repr, space.regular_repr, layer.kernel))
    shape = (layer.out_fields * order, layer.in_fields * order, layer.kernel, layer.kernel)
    return expansion.to(w.dtype)(w.flatten(2)).reshape(shape)


def operands(layer: Layer) -> dict[str, Operands]:
    """The same random numbers for every rival, each in its favourite order."""
    draw, order = torch_stream(0, "benchmark of convolutions"), group_order(gspace(layer.group))

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw)

    x = normal(layer.batch, layer.in_fields * order, layer.size, layer.size)
    grad = normal(layer.batch, layer.out_fields * order, layer.size, layer.size)
    w = normal(layer.out_fields, layer.in_fields, order, layer.kernel, layer.kernel)
    w *= (layer.in_fields * order * layer.kernel**2) ** -0.5
    bank = expanded(layer, w)

    def dense(x: Tensor, bank: Tensor) -> Tensor:
        return conv2d(x, bank, padding=layer.kernel // 2)

    def own(x: Tensor, w: Tensor) -> Tensor:
        found: Tensor = convolve(x, w, layer.group, False)
        return found

    last = [tensor.clone(memory_format=torch.channels_last) for tensor in (x, bank, grad)]
    return {
        PLAIN: Operands(dense, x.clone().requires_grad_(), bank.requires_grad_(), grad),
        LAST: Operands(dense, last[0].requires_grad_(), last[1].requires_grad_(), last[2]),
        OWN: Operands(own, x.requires_grad_(), w.requires_grad_(), grad),
    }


def errors(layer: Layer, given: dict[str, Operands]) -> dict[str, tuple[float, float]]:
    """How far conv2d and ours are from conv2d in float64; see `LayerTimes`."""
    plain, w = given[PLAIN], given[OWN].w
    x, bank = (tensor.detach().double().requires_grad_() for tensor in (plain.x, plain.w))
    exact = Operands(plain.convolution, x, bank, plain.grad.double())

    def by_filters(result: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """With the gradient by the filters instead of the one by the bank."""
        y, by_x, by_bank = result
        leaf = w.detach().to(by_bank.dtype).requires_grad_()
        return (y, by_x, *torch.autograd.grad(expanded(layer, leaf), leaf, by_bank))

    truth, theirs = (by_filters(forward_and_backward(operand)) for operand in (exact, plain))
    ours = forward_and_backward(given[OWN])
    names = ("result", "gradient by x", "gradient by w")
    measured = zip(names, truth, theirs, ours, strict=True)
    return {name: (distance(a, true), distance(b, true)) for name, true, a, b in measured}


def distance(found: Tensor, true: Tensor) -> float:
    """The largest difference, as a share of the largest entry."""
    return float((found.double() - true).abs().max() / true.abs().max())


def takes_fourier(layer: Layer) -> bool:
    """Whether a layer with the setting "auto" takes the Fourier path."""
    return pays(layer.group, layer.kernel, layer.in_fields, layer.out_fields) and kernels_are_there()
