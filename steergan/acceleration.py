"""Swaps escnn's own layers in a network for steergan's, which compute the same function in less time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from escnn.nn import EquivariantModule, FieldType
from torch import Tensor, nn

from steergan.errors import SteerganError, SubjectError, SymmetryError
from steergan.layers.counterparts import COUNTERPARTS, counterpart
from steergan.verification import verify_subject
from steergan.verification.claims import make_subject
from steergan.verification.measured.forward import exact_float32
from steergan.verification.subject import Call, Size, Subject, random_input, tensors_of, twin_of

ALLOWED = 1e-4
"""Largest difference between the outputs before and after, relative to the largest entry before."""

NUDGE = 1e-6
"""Relative change of an input that is no more than a few roundings: escnn samples its bases in float32."""

NUDGES = 10
"""A difference is rounding, too, where it is no more than so many nudges of the input make."""


class AccelerationError(SteerganError):
    """A model that can't be accelerated. It is left as it was."""


@dataclass(frozen=True)
class Replacement:
    """A layer of escnn's, and what can stand in its place.

    Attributes:
        paths: every place of it in the model, as in `named_modules()`; the path of the model itself is empty.
        old: the layer; it is left as it is.
        new: a layer of steergan's that computes the same; None where the old one stays.
        reason: why it stays.
    """

    paths: tuple[str, ...]
    old: EquivariantModule
    new: EquivariantModule | None
    reason: str = ""

    def __str__(self) -> str:
        outcome = f"stays: {self.reason}" if self.new is None else f"-> {type(self.new).__name__}"
        return f"{' and '.join(self.paths) or 'the model itself'}: {type(self.old).__name__} {outcome}"


def accelerate(
    model: nn.Module,
    sizes: int | Sequence[int | Size] | None = None,
    *,
    certify: bool = True,
    in_type: FieldType | None = None,
    others: tuple[Tensor, ...] = (),
    call: Call | None = None,
) -> nn.Module:
    """Swap escnn's `R2Conv`, `InnerBatchNorm` and `GroupPooling` in a model for steergan's layers, in place.

    The model computes the same function, to rounding: that is checked on copies of it, in evaluation and in training
    mode, and so are the moments that training leaves behind. Where `verify` had proved the model, it proves it still.
    Modes, devices, dtypes, moments and `requires_grad` stay. `replacements(model)` says what is swapped, and what is
    left alone and why.

    What changes: parameters are new ones, with new names. Make optimizers, averages and DDP after this call; an
    optimizer that was made before it trains what the model no longer uses. Checkpoints from before no longer fit. An
    R2Conv with escnn's default band limit spans a part of the filters that its group admits; its replacement begins
    as the same filter and is free to become any of them. Gradient steps differ, because weights are other coordinates
    of the same filters. At exact ties `GroupPool` splits the gradient evenly, and it keeps the dtype, where
    GroupPooling returns float32. Code that looks for escnn's classes, or calls `export()`, won't find them;
    `GroupConvolution.to_r2conv` leads back.

    Args:
        model: any module, escnn's or torch's, that has an `in_type` or `input_type`, or see `in_type`.
        sizes: sides, or (H, W), in pixels, at which it is checked; None: an odd and an even one that it accepts.
        certify: verify the symmetry, too. It takes longer than all the rest.
        in_type: field type of the input, where the model has none.
        others: what else the model is called with, tensors of batch size 2.
        call: (model, x, others) -> result, where model(x, *others) will not do.

    Returns:
        The model; its replacement, if it is such a layer itself.

    Raises:
        AccelerationError: it would compute something else, can't be run, or is no longer proved; it holds a layer in
            another place than among its modules, too; it is wrapped in DDP. The model is as it was.
        SubjectError: the model as it is can't be copied or run, or its field type is not known.

    Examples:
        >>> from escnn import nn as enn
        >>> from steergan.symmetry import gspace, regular_type, trivial_type
        >>> image, fields = trivial_type(gspace("C4"), 1), regular_type(gspace("C4"), 2)
        >>> model = enn.SequentialModule(enn.R2Conv(image, fields, 3), enn.ReLU(fields), enn.GroupPooling(fields))
        >>> for replacement in replacements(model):
        ...     print(replacement)
        0: R2Conv -> GroupConvolution
        2: GroupPooling -> GroupPool
        >>> accelerate(model, sizes=9, certify=False) is model
        True
    """
    if isinstance(model, nn.parallel.DistributedDataParallel):
        raise AccelerationError("the model is wrapped in DistributedDataParallel; accelerate it before it is wrapped")
    swaps = [r for r in replacements(model) if r.new is not None]
    if not swaps:
        return model
    subject = make_subject(model, sizes, in_type=in_type, others=others, call=call)
    before = replace(subject, module=twin_of(model))
    faster = _put(model, {path: r.new for r in swaps for path in r.paths})
    try:
        after = replace(subject, module=faster)
        with _no_longer_called(swaps):
            _require_same_function(before, after)
        if certify:
            _require_proof(before, after)
    except BaseException:
        _put(model, {path: r.old for r in swaps for path in r.paths})
        raise
    return faster


def replacements(model: nn.Module) -> list[Replacement]:
    """Every `R2Conv`, `InnerBatchNorm` and `GroupPooling` of a model, and what `accelerate` would put in its place.

    The model is left as it is. A layer that is used in several places is listed once.
    """
    found: dict[int, tuple[EquivariantModule, list[str]]] = {}
    for path, layer in _stock_layers(model, "", ()):
        found.setdefault(id(layer), (layer, []))[1].append(path)
    owners = _owners_of_parameters(model)
    listed = []
    for layer, paths in found.values():
        new, reason = None, ""
        try:
            _require_own_parameters(layer, owners)
            new = counterpart(layer)
        except SymmetryError as error:
            reason = str(error)
        listed.append(Replacement(tuple(paths), layer, new, reason))
    return listed


# --- places in a model


def _stock_layers(module: nn.Module, path: str, above: tuple[int, ...]) -> Iterator[tuple[str, EquivariantModule]]:
    """Candidates with their paths. torch's own walk hashes modules, which escnn does by value, and slowly."""
    if isinstance(module, tuple(COUNTERPARTS)):
        yield path, module
        return
    for name, child in module._modules.items():
        if child is not None and id(child) not in above:
            yield from _stock_layers(child, f"{path}.{name}" if path else name, (*above, id(module)))


def _put(model: nn.Module, layers: Mapping[str, nn.Module | None]) -> nn.Module:
    """Set layers in their places; past `add_module`, which escnn's containers keep for layers that are appended."""
    for path, layer in layers.items():
        if not path:
            assert layer is not None
            return layer
        parent, _, name = path.rpartition(".")
        model.get_submodule(parent)._modules[name] = layer
    return model


def _owners_of_parameters(model: nn.Module) -> dict[int, set[int]]:
    """For every parameter, the modules that hold it."""
    owners: dict[int, set[int]] = {}
    for _, module in model.named_modules(remove_duplicate=False):
        for parameter in module._parameters.values():
            owners.setdefault(id(parameter), set()).add(id(module))
    return owners


def _require_own_parameters(layer: nn.Module, owners: Mapping[int, set[int]]) -> None:
    if any(len(owners[id(parameter)]) > 1 for parameter in layer.parameters()):
        raise SymmetryError("it shares parameters with another module")


# --- the same function


@contextmanager
def _no_longer_called(swaps: Sequence[Replacement]) -> Iterator[None]:
    """Inside, a swapped layer that is called all the same, by a reference that is no submodule, raises.

    Hooks are copied with a layer, so that this holds of copies of the model, too.
    """

    def refuse(path: str) -> Callable[[nn.Module, Any], None]:
        def hook(layer: nn.Module, args: Any) -> None:
            raise AccelerationError(
                f"{type(layer).__name__} at {path!r} is also called by a reference that is no submodule (in a list?), "
                "where it can't be swapped; keep layers in attributes or a ModuleList; the model is as it was"
            )

        return hook

    handles = [r.old.register_forward_pre_hook(refuse(r.paths[0])) for r in swaps]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _require_same_function(before: Subject, after: Subject) -> None:
    """Compare what both put out at every size.

    Raises:
        AccelerationError: they differ by more than rounding, or the second can't be run.
        SubjectError: the first can't be run.
    """
    for size in before.sizes:
        at = f"at {size[0]} x {size[1]}"
        try:
            wanted, nudged = _outputs(before, size), _outputs(before, size, NUDGE)
        except Exception as error:
            raise SubjectError(f"{before.name} can't be run {at}, before any change: {_line(error)}") from error
        try:
            found = _outputs(after, size)
        except AccelerationError:
            raise
        except Exception as error:
            raise AccelerationError(
                f"accelerated, {before.name} can't be run {at}: {_line(error)}; the model is as it was"
            ) from error
        for mode, outputs in wanted.items():
            off, noise = (_distance(other[mode], outputs) for other in (found, nudged))
            allowed = max(ALLOWED, NUDGES * noise)
            if not off <= allowed:
                raise AccelerationError(
                    f"accelerated, {before.name} computes something else {at}, {mode}: off by {off:.1e} of the "
                    f"largest output, where {allowed:.0e} is rounding; the model is as it was"
                )


@torch.no_grad()
def _outputs(subject: Subject, size: Size, nudge: float = 0.0) -> dict[str, list[Tensor]]:
    """What a copy puts out in the modes that it has, in evaluation, in training, and after that."""
    network = twin_of(subject.module)
    dtype = next((p.dtype for p in network.parameters() if p.is_floating_point()), torch.float32)
    if dtype in (torch.float16, torch.bfloat16):  # in which a difference would drown
        network, dtype = network.float(), torch.float32
    found = {}
    for seed, mode in enumerate(("as it is", "in evaluation", "in training", "in evaluation after training")):
        if mode != "as it is":
            network.train(mode == "in training")
        x = random_input(subject, size, seed, dtype)
        x = x * (1 + nudge * random_input(subject, size, seed + 1, dtype))
        with torch.random.fork_rng(devices=[]), exact_float32():
            torch.manual_seed(seed)
            found[mode] = [tensor for tensor, _ in tensors_of(subject(network, x))]
    return found


def _distance(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """The largest difference, relative to the largest entry that was wanted; not finite where an output is not."""
    if [t.shape for t in found] != [t.shape for t in wanted]:
        return float("inf")
    pairs = [(a.double(), b.double()) for a, b in zip(found, wanted, strict=True)]
    errors = [float((a - b).abs().max() / b.abs().max().clamp_min(1e-30)) for a, b in pairs if b.numel()]
    return max(errors, default=0.0) if all(e == e for e in errors) else float("nan")


def _require_proof(before: Subject, after: Subject) -> None:
    """Whatever was proved before is proved.

    Raises:
        AccelerationError: it is not.
    """
    found = verify_subject(after, off_grid=False)
    # What is proved now need not have been proved before, which takes as long to find out.
    if found.verdict != "proved" and verify_subject(before, off_grid=False).verdict == "proved":
        raise AccelerationError(f"accelerated, the model is no longer proved: {found.sentence} The model is as it was")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
