"""What is verified: a module, how it is called, and what is claimed of it."""

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from escnn.group import Group, Representation
from escnn.gspaces import GSpace
from escnn.kernels import KernelBasis
from escnn.nn import EquivariantModule, FieldType, GeometricTensor
from torch import Tensor, nn

from steergan.errors import SubjectError

Module = TypeVar("Module", bound=nn.Module)
Claim = Literal["equivariant", "invariant"]
Call = Callable[[Any, Tensor, tuple[Tensor, ...]], Any]
Size = tuple[int, int]
TypedTensors = list[tuple[Tensor, FieldType | None]]
"""Tensors of a result, each with its field type where it has one."""
Tell = Callable[[str], None]
"""Told in words what is being checked."""

BATCH = 2


@dataclass(frozen=True)
class Subject:
    """A network and its claim: for every claimed element g, f(g x) = g f(x), or f(g x) = f(x).

    Attributes:
        name: for the report.
        module: any torch module; it is copied, never run itself.
        in_type: how its first input transforms.
        claim: about the result.
        out_type: how the result transforms; None where the result is a geometric tensor that says so itself, or
            where it is invariant.
        sizes: (H, W) of the input, in pixels, at which the claim is made.
        others: what else the module is called with (labels, conditioning vectors), left alone by the group; batch
            size 2; floating-point ones follow the dtype.
        call: (module, x (B, C, H, W), others) -> result.
        upto: path of a submodule whose output the claim is about; empty for the module's own. A forward ends there.
        scale: root mean square of inputs that the module is made for; off the grid it is measured on such.

    Example:
        >>> from steergan.layers import GroupPool
        >>> from steergan.symmetry import gspace, regular_type
        >>> fields = regular_type(gspace("C4"), 2)
        >>> subject = Subject("pool", GroupPool(fields), fields, "equivariant", None, sizes=((5, 5),))
        >>> subject(subject.module, torch.zeros(2, 8, 5, 5)).tensor.shape
        torch.Size([2, 2, 5, 5])
    """

    name: str
    module: nn.Module
    in_type: FieldType
    claim: Claim
    out_type: FieldType | None
    sizes: tuple[Size, ...]
    others: tuple[Tensor, ...] = ()
    call: Call | None = None
    upto: str = ""
    scale: float = 1.0

    def __call__(self, module: nn.Module, x: Tensor) -> Any:
        """What the claim is about, of x (B, C, H, W) in the dtype of `module`, a copy of the subject's own."""
        others = tuple(o.to(x.dtype) if o.is_floating_point() else o for o in self.others)

        def forward() -> Any:
            if self.call is not None:
                return self.call(module, x, others)
            takes_fields = isinstance(module, EquivariantModule)
            return module(GeometricTensor(x, self.in_type) if takes_fields else x, *others)

        return run_upto(self.upto, module, forward) if self.upto else forward()


def untold(words: str) -> None:
    """Nobody listens to what is being checked."""


class Reached(Exception):
    """The submodule that a claim is about has put out its result."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result


def run_upto(path: str, module: nn.Module, forward: Callable[[], Any]) -> Any:
    """What the submodule at `path` puts out first in a forward of its module, which goes no further."""

    def reached(part: nn.Module, args: Any, output: Any) -> None:
        raise Reached(output)

    handle = module.get_submodule(path).register_forward_hook(reached)
    try:
        forward()
    except Reached as end:
        return end.result
    finally:
        handle.remove()
    raise SubjectError(f"{type(module).__name__} never ran its submodule {path!r}, which the claim is about")


def tensors_of(result: Any) -> TypedTensors:
    """Tensors of a result, nested in lists, tuples and dicts, each with its field type where it has one.

    Raises:
        SubjectError: something else is in it.
    """
    if isinstance(result, GeometricTensor):
        return [(result.tensor, result.type)]
    if isinstance(result, Tensor):
        return [(result, None)]
    if isinstance(result, list | tuple):
        return [pair for part in result for pair in tensors_of(part)]
    if isinstance(result, dict):
        return [pair for part in result.values() for pair in tensors_of(part)]
    raise SubjectError(f"the network returned a {type(result).__name__}; a tensor or a GeometricTensor was wanted")


def twin_of(module: nn.Module) -> nn.Module:
    """A copy on the CPU that shares no tensor with the module, see `copied`.

    Raises:
        SubjectError: the module can't be copied.
    """
    try:
        return copied(module).cpu()
    except Exception as error:
        name = type(module).__name__
        raise SubjectError(f"{name} can't be copied ({in_one_line(error)}); verification works on a copy") from error


def copied(module: Module) -> Module:
    """A copy that shares no tensor with the module.

    Field types, groups and unsampled bases, which never change, it shares: copying them is nearly all the work.

    An R2Conv in evaluation mode, whose cached filter has a graph that torch refuses to copy, is copied too.
    """
    memo: dict[int, Any] = {}
    for part in _parts(module):
        for value in list(vars(part).values()):
            for shared in _constants(value):
                memo[id(shared)] = shared
        for tensor in [*part._buffers.values(), *vars(part).values()]:
            if isinstance(tensor, Tensor) and tensor.grad_fn is not None:
                memo[id(tensor)] = tensor.detach().clone()
    return copy.deepcopy(module, memo)


def _parts(module: nn.Module) -> list[nn.Module]:
    """As `modules()`, which asks escnn's bases for hashes that are slow to make."""
    found = {id(module): module}
    waiting = [module]
    while waiting:
        for part in waiting.pop()._modules.values():
            if part is not None and id(part) not in found:
                found[id(part)] = part
                waiting.append(part)
    return list(found.values())


def in_one_line(error: Exception) -> str:
    """What an error says, cut to 200 letters; its type where it says nothing."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _constants(value: Any) -> list[Any]:
    if isinstance(value, FieldType):
        return [value, value.gspace, value.gspace.fibergroup, *set(value.representations)]
    if isinstance(value, GSpace | Group | Representation | KernelBasis):  # unsampled bases are slow to copy
        return [value]
    if isinstance(value, list | tuple):
        return [shared for part in value for shared in _constants(part)]
    return []


def state_digest(module: nn.Module) -> str:
    """Hash (sha256) of all that a module is made of: mode, parameters, buffers, with names, dtypes and devices."""
    digest = hashlib.sha256()
    for path, part in module.named_modules():
        digest.update(f"{path}/{type(part).__qualname__}/{part.training}".encode())
        for name, tensor in [*part._parameters.items(), *part._buffers.items()]:
            digest.update(f"/{name}".encode())
            if tensor is not None:
                _update(digest, tensor)
    return digest.hexdigest()


def weights_digest(module: nn.Module) -> str:
    """Hash of parameters and saved buffers (sha256), in the module's own order; one for both modes.

    escnn's `R2Conv` keeps other buffers in evaluation mode; the hash is of the copy in training mode.

    Raises:
        SubjectError: the module can't be copied.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> weights_digest(layer) == weights_digest(layer.eval())
        True
    """
    digest = hashlib.sha256()
    for name, tensor in twin_of(module).train().state_dict().items():
        digest.update(name.encode())
        if isinstance(tensor, Tensor):
            _update(digest, tensor)
    return digest.hexdigest()


def _update(digest: Any, tensor: Tensor) -> None:
    digest.update(f"{tensor.dtype}{tuple(tensor.shape)}{tensor.device}".encode())
    flat = tensor.detach().cpu().contiguous().flatten()
    digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")


def random_input(subject: Subject, size: Size, seed: int, dtype: torch.dtype, batch: int = BATCH) -> Tensor:
    """Seeded normal numbers, (batch, C, H, W), drawn in float32 whatever the dtype."""
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(batch, subject.in_type.size, *size, generator=stream).to(dtype)


def size_words(sizes: Sequence[tuple[int, ...]]) -> str:
    """Sizes of maps on the way: `28 x 28 -> 14 x 14`."""
    return " -> ".join(" x ".join(str(n) for n in size) for size in sizes)


def as_sizes(sizes: Sequence[int | Size]) -> tuple[Size, ...]:
    """Sides, or (H, W) pairs, as pairs."""
    return tuple((s, s) if isinstance(s, int) else (int(s[0]), int(s[1])) for s in sizes)
