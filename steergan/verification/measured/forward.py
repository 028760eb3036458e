"""Running a copy of a network on x and on g x: the same state, the same random numbers, results side by side."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import torch
from escnn.nn import GeometricTensor, GroupPooling
from torch import Tensor, nn

from steergan.verification.elements import Matrix, channel_action, transform
from steergan.verification.subject import Subject, TypedTensors, random_input, tensors_of, twin_of
from steergan.verification.surroundings import in_mode, seeded


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
    def __call__(self, x: Tensor, matrix: Matrix | None = None) -> TypedTensors:
        """The result on x (B, C, H, W), in the network's dtype, which stays as it is.

        Args:
            x: the first input.
            matrix: the element that has acted on it, and acts on the other inputs that turn; None for the identity.
        """
        for buffer, saved in self.saved:
            if not torch.equal(buffer, saved):
                buffer.copy_(saved)
        subject = self.subject.at((x.shape[2], x.shape[3]))
        subject = subject if matrix is None else subject.moved(matrix)
        subject = replace(subject, others=tuple(other.clone() for other in subject.inputs))
        with seeded(), exact_float32():
            result = tensors_of(subject(self.network, x.clone()))
        return [(tensor.detach(), own) for tensor, own in result]

    def layer_outputs(self, x: Tensor, matrix: Matrix | None = None) -> list[tuple[str, GeometricTensor]]:
        """Every geometric tensor that a module puts out, in the order in which they are finished."""
        found: list[tuple[str, GeometricTensor]] = []

        def keep(path: str) -> Callable[..., None]:
            def hook(module: nn.Module, args: Any, output: Any) -> None:
                if isinstance(output, GeometricTensor):
                    found.append((path, GeometricTensor(output.tensor.clone(), output.type)))

            return hook

        handles = [part.register_forward_hook(keep(path)) for path, part in self.network.named_modules() if path]
        try:
            self(x, matrix)
        finally:
            for handle in handles:
                handle.remove()
        return found


def parts_in_use(subject: Subject) -> dict[str, nn.Module]:
    """Modules of a network by their paths, but for those that run only behind what the claim is about."""
    parts = dict(subject.module.named_modules())
    if not subject.upto:
        return parts
    before = entered(subject)
    behind = entered(replace(subject, upto="")) - before
    return {path: part for path, part in parts.items() if not any(f"{path}.".startswith(f"{b}.") for b in behind)}


def entered(subject: Subject) -> set[str]:
    """Paths of the modules that a forward enters; where it fails, until then."""
    network = in_mode(twin_of(subject.module).float(), training=False)
    found: set[str] = set()
    handles = [
        part.register_forward_pre_hook(lambda module, args, path=path: found.add(path))
        for path, part in network.named_modules()
    ]
    with suppress(Exception):
        Runner(subject, network)(random_input(subject, subject.sizes[0], 0, torch.float32))
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


def acted_on(result: TypedTensors, subject: Subject, matrix: Matrix) -> list[Tensor]:
    """What the result on g x should be: g f(x), or f(x) where it is invariant."""
    pairs = zip(result, subject.wanted(result), strict=True)
    return [tensor if kind is None else transform(tensor, kind, matrix) for (tensor, _), kind in pairs]


def first_broken_layer(runner: Runner, x: Tensor, matrix: Matrix, differs: Callable[[Tensor, Tensor], bool]) -> str:
    """Path of the first module whose output does not move as its field type says; empty if there is none.

    Args:
        runner: of the network.
        x: input.
        matrix: the element.
        differs: (found, wanted) -> whether they are too far apart.
    """
    plain = runner.layer_outputs(x)
    moved = runner.layer_outputs(transform(x, runner.subject.in_type, matrix), matrix)
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
