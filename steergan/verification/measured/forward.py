"""Running a copy of a network on x and on g x: the same state, the same random numbers, results side by side."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from escnn.nn import FieldType, GeometricTensor, GroupPooling
from torch import Tensor, nn

from steergan.verification.elements import Matrix, channel_action, transform
from steergan.verification.subject import Subject, tensors_of

Result = list[tuple[Tensor, FieldType | None]]


class Runner:
    """A copy of a network that forgets: before every forward, buffers and random numbers are what they were.

    Args:
        subject: how the network is called.
        network: the copy, in the dtype and mode that are wanted.
    """

    def __init__(self, subject: Subject, network: nn.Module) -> None:
        self.subject, self.network = subject, network
        self.saved = [(buffer, buffer.detach().clone()) for buffer in network.buffers()]

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Result:
        for buffer, saved in self.saved:
            if not torch.equal(buffer, saved):
                buffer.copy_(saved)
        with torch.random.fork_rng(devices=[]), exact_float32():
            torch.manual_seed(0)
            if not self.subject.upto:
                return tensors_of(self.subject(self.network, x))
            found: list[Any] = []
            part = self.network.get_submodule(self.subject.upto)
            handle = part.register_forward_hook(lambda module, args, output: found.append(output))
            try:
                self.subject(self.network, x)
            finally:
                handle.remove()
            return tensors_of(found[-1])

    def layer_outputs(self, x: Tensor) -> list[tuple[str, GeometricTensor]]:
        """Every geometric tensor that a module puts out, in the order in which they are finished."""
        found: list[tuple[str, GeometricTensor]] = []

        def keep(path: str) -> Callable[..., None]:
            def hook(module: nn.Module, args: Any, output: Any) -> None:
                if isinstance(output, GeometricTensor):
                    found.append((path, GeometricTensor(output.tensor.clone(), output.type)))

            return hook

        handles = [part.register_forward_hook(keep(path)) for path, part in self.network.named_modules() if path]
        try:
            self(x)
        finally:
            for handle in handles:
                handle.remove()
        return found


def widened(network: nn.Module) -> nn.Module:
    """The network in float64, with escnn's GroupPooling, which always puts out float32, made to follow its input."""

    def follow(module: nn.Module, args: Any, output: GeometricTensor) -> GeometricTensor:
        return GeometricTensor(output.tensor.to(args[0].tensor.dtype), output.type)

    for part in network.modules():
        if isinstance(part, GroupPooling):
            part.register_forward_hook(follow)
    return network.double()


def acted_on(result: Result, subject: Subject, matrix: Matrix) -> list[Tensor]:
    """g f(x): what the result on g x should be."""
    out = []
    for tensor, own in result:
        wanted = subject.out_type if subject.out_type is not None else own
        still = wanted is None or (subject.claim == "invariant" and own is None)
        out.append(tensor if still or wanted is None else transform(tensor, wanted, matrix))
    return out


def first_broken_layer(runner: Runner, x: Tensor, matrix: Matrix, differs: Callable[[Tensor, Tensor], bool]) -> str:
    """Path of the first module whose output does not move as its field type says; empty if there is none.

    Args:
        runner: of the network.
        x: input.
        matrix: the element.
        differs: (found, wanted) -> whether they are too far apart.
    """
    plain = runner.layer_outputs(x)
    moved = runner.layer_outputs(transform(x, runner.subject.in_type, matrix))
    for (path, y), (other, z) in zip(plain, moved, strict=False):
        if path != other:
            return f"{path} or {other}: the paths through the network part"
        if channel_action(y.type, matrix) is not None and differs(z.tensor, transform(y.tensor, y.type, matrix)):
            return path
    return ""


@contextmanager
def exact_float32() -> Iterator[None]:
    """Float32 without TF32, which rounds to 10 bits; the setting is put back."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
