"""Tensors inside other values, and which of them share memory."""

from collections.abc import Iterator
from typing import Any

import torch
from escnn.nn import GeometricTensor
from torch import Tensor


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Tensors in arguments or results, nested in lists, tuples and dicts; of a geometric tensor its plain one."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, GeometricTensor):
        yield value.tensor
    elif isinstance(value, list | tuple):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_in(part)


def written_by(func: Any, args: Any, kwargs: Any) -> Iterator[tuple[Tensor, bool]]:
    """Operands, and whether the operator writes to them."""
    for position, argument in enumerate(func._schema.arguments):
        value = args[position] if position < len(args) else kwargs.get(argument.name)
        writes = argument.alias_info is not None and argument.alias_info.is_write
        for tensor in tensors_in(value):
            yield tensor, writes


def geometry(tensor: Tensor) -> tuple[Any, ...]:
    """Where a tensor lies: equal for two views of the same entries in the same order."""
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def places(tensor: Tensor) -> Tensor:
    """Where a tensor's entries lie in its memory, int64 in its shape."""
    places = torch.full((1,) * tensor.dim(), tensor.storage_offset())
    for axis, (size, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        places = places + (torch.arange(size) * stride).view([-1 if a == axis else 1 for a in range(tensor.dim())])
    return places


def overlaps_itself(tensor: Tensor) -> bool:
    """Whether two entries of a tensor lie at one place of its memory, as those of windows that overlap do."""
    if tensor.is_contiguous() or tensor.numel() == 0:
        return False
    return len(places(tensor).unique()) < tensor.numel()


def share_memory(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are views of one memory, overlapping or not."""
    return a.numel() > 0 and b.numel() > 0 and a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


def digest_of(tensor: Tensor) -> str:
    """A hash of a tensor's bytes, by which constants are told apart in a walk's log."""
    return str(hash(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()))


def map_size(x: Tensor) -> tuple[int, int]:
    """(H, W) of a map (B, C, H, W), in pixels."""
    height, width = x.shape[2:]
    return height, width
