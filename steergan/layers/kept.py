"""What a layer makes of its weights, kept between forwards in evaluation, and made again when a weight has changed.

No counter tells of every change: fused optimizers and writes through `.data` leave a tensor's version as it was. So
the weights themselves are compared, bit by bit, with a copy of what they were; that takes as long as reading them, and
they are a fraction of what is made of them. Tensors that are no weights (tables, bases) are recognised by themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

INTEGERS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
"""By bytes: what a number is compared as, so that NaN equals itself and 0 is not -0."""


@dataclass(frozen=True)
class Kept:
    """What was made, and of what. Never written to, so that threads may share it."""

    made: Tensor
    version: int
    copies: tuple[tuple[Tensor, torch.dtype], ...]
    constants: tuple[tuple[Tensor, int], ...]


class Keeper:
    """What a layer keeps. A copy, deep or pickled, keeps nothing.

    Examples:
        >>> keeper, weight = Keeper(), torch.nn.Parameter(torch.ones(2), requires_grad=False)
        >>> double = lambda: keeper.get("double", lambda: 2 * weight, [weight], [])
        >>> first = double()
        >>> double() is first
        True
        >>> weight.data.mul_(3)
        tensor([3., 3.])
        >>> double()
        tensor([6., 6.])
    """

    def __init__(self) -> None:
        self.entries: dict[str, Kept] = {}

    def __reduce__(self) -> tuple[type["Keeper"], tuple[()]]:
        return Keeper, ()

    def forget(self) -> None:
        """Keep nothing any more."""
        self.entries = {}

    def get(self, name: str, make: Callable[[], Tensor], sources: list[Tensor], constants: list[Tensor]) -> Tensor:
        """What `make` returns, made now or kept.

        Args:
            name: of what is made.
            make: makes it.
            sources: weights that it is made of, which may change in any way.
            constants: other tensors that it is made of, which nobody changes behind torch's back.
        """
        kept = self.entries.get(name)
        if kept is not None and _still_right(kept, sources, constants):
            return kept.made
        made = make()
        if made.requires_grad or any(_same_memory(made, source) for source in sources):
            self.entries.pop(name, None)  # nothing was made, or somebody wants to differentiate by it
        else:
            copies = tuple((_bits(source).clone(), source.dtype) for source in sources)
            self.entries[name] = Kept(made, _version(made), copies, tuple((c, _version(c)) for c in constants))
        return made


def can_be_kept(weights: list[Tensor]) -> bool:
    """Whether what is made of these now may be kept, or taken from what was.

    Not where a gradient by them may be wanted; nor where somebody looks on (tracers, `torch.func`, dispatch modes), who
    has to see how it is made; nor on accelerators, where looking at numbers waits for all that was started before.
    """
    if torch.is_grad_enabled() and any(weight.requires_grad for weight in weights):
        return False
    if watched():
        return False
    # With torch.func's functional_call, and in replicas, weights are no parameters.
    return all(weight.device.type == "cpu" and type(weight) is torch.nn.Parameter for weight in weights)


def watched() -> bool:
    """Whether somebody looks on who has to see torch's own operators: tracers, `torch.func`, dispatch modes."""
    modes = torch.jit.is_tracing() or torch._C._len_torch_dispatch_stack()  # type: ignore[attr-defined]
    return bool(modes) or torch._C._functorch.maybe_current_level() is not None


def _still_right(kept: Kept, sources: list[Tensor], constants: list[Tensor]) -> bool:
    made = kept.made
    if made.is_inference() and not torch.is_inference_mode_enabled():
        return False
    if _version(made) != kept.version or len(sources) != len(kept.copies) or len(constants) != len(kept.constants):
        return False
    for now, (then, version) in zip(constants, kept.constants, strict=True):
        if now is not then or _version(now) != version:
            return False
    return all(
        now.dtype == dtype and torch.equal(_bits(now), then)
        for now, (then, dtype) in zip(sources, kept.copies, strict=True)
    )


def _bits(tensor: Tensor) -> Tensor:
    """The numbers as integers of the same size."""
    return tensor.detach().view(INTEGERS[tensor.element_size()])


def _version(tensor: Tensor) -> int:
    """How often torch saw it change; tensors of inference mode don't count."""
    return -1 if tensor.is_inference() else tensor._version


def _same_memory(made: Tensor, source: Tensor) -> bool:
    return made.untyped_storage().data_ptr() == source.untyped_storage().data_ptr()


def buffers_of(*modules: torch.nn.Module) -> list[Tensor]:
    """Buffers of these modules, without those of modules below them."""
    return [buffer for module in modules for buffer in module._buffers.values() if buffer is not None]
