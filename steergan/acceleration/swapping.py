"""Swaps escnn's own layers in a network for steergan's, which compute the same function, where those are faster."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from escnn.nn import EquivariantModule, FieldType
from torch import Tensor, nn

from steergan.acceleration.checking import AccelerationError, require_proof, require_same_function
from steergan.acceleration.measuring import Mode, Workload, layer_times_as_fast, meetings, model_times_as_fast
from steergan.acceleration.report import ATTRIBUTE, AccelerationReport, Row
from steergan.copies import copied
from steergan.errors import SteerganError, SymmetryError
from steergan.layers.counterparts import COUNTERPARTS, counterpart
from steergan.places import layers_in, put
from steergan.tables import Interval
from steergan.verification.claims import make_subject
from steergan.verification.subject import Call, Size, Subject, twin_of


@dataclass(frozen=True)
class Replacement:
    """A layer of escnn's, and what can stand in its place.

    Attributes:
        paths: every place of it in the model, as in `named_modules()`; the path of the model itself is empty.
        old: the layer; it is left as it is.
        new: a layer of steergan's that computes the same; None where the old one stays.
        reason: why it stays.
        times_as_fast: seconds of the old one over those of the new one; None where that was not measured.
    """

    paths: tuple[str, ...]
    old: EquivariantModule
    new: EquivariantModule | None
    reason: str = ""
    times_as_fast: Interval | None = None

    def __str__(self) -> str:
        outcome = f"stays: {self.reason}" if self.new is None else f"-> {type(self.new).__name__}"
        return f"{' and '.join(self.paths) or 'the model itself'}: {type(self.old).__name__} {outcome}"

    @property
    def row(self) -> Row:
        """For the report."""
        why = self.reason or ("faster" if self.times_as_fast else "computes the same")
        return Row(self.paths, type(self.old).__name__, self.new and type(self.new).__name__, why, self.times_as_fast)


def accelerate(
    model: nn.Module,
    sizes: int | Sequence[int | Size] | None = None,
    *,
    for_: Mode | Workload | None = "training",
    certify: bool = True,
    in_type: FieldType | None = None,
    others: tuple[Tensor, ...] = (),
    call: Call | None = None,
) -> nn.Module:
    """Swap escnn's layers for steergan's where those are faster, in place.

    Convolutions of any group, strided and transposed ones too; `InnerBatchNorm`; `GroupPooling`; ELU and ReLU of
    Fourier fields; 2 x 2 average pools; bilinear upsampling.

    Each layer is timed against its counterpart on the maps that it meets in the model, in turns, and the faster of both
    stays; then the model is timed against what it was, and if it is not faster all stays. `report_of(model)` has the
    table: layer, what was done, why, times as fast.

    The model computes the same function, to rounding: that is checked on copies of it, in evaluation and in training
    mode, and so are the moments that training leaves behind. Where `verify` had proved the model, it proves it still.
    Modes, devices, dtypes, moments and `requires_grad` stay. `replacements(model)` says what can be swapped, and what
    is left alone and why. `restore(model)` leads back.

    What changes: parameters are new ones, with new names. Make optimizers, averages and DDP after this call; an
    optimizer that was made before it trains what the model no longer uses. Checkpoints from before no longer fit. An
    R2Conv with escnn's default band limit spans a part of the filters that its group admits; its replacement begins
    as the same filter and is free to become any of them, where the group permutes pixels; under C8, SO(2) and so on
    both have the same ones. Gradient steps differ, because weights are other coordinates of the same filters. At exact
    ties `GroupPool` splits the gradient evenly, and it keeps the dtype, where GroupPooling returns float32. Code that
    looks for escnn's classes, or calls `export()`, won't find them.

    Args:
        model: any module, escnn's or torch's, that has an `in_type` or `input_type`, or see `in_type`.
        sizes: sides, or (H, W), in pixels, at which it is checked; the largest is what it is timed at, so give the
            size of your images. None: an odd and an even one that it accepts.
        for_: what it is to be fast at: "training", "inference" (against escnn's evaluation mode with its kept
            filters), or a `Workload` with the batch size, too; None: swap whatever computes the same, and time
            nothing.
        certify: verify the symmetry, too. It takes longer than all the rest.
        in_type: field type of the input, where the model has none and makes no fields of it by which it is seen.
        others: what else the model is called with, tensors of batch size 2.
        call: (model, x, others) -> result, where model(x, *others) will not do.

    Returns:
        The model; its replacement, if it is such a layer itself.

    Raises:
        AccelerationError: it would compute something else, can't be run, or is no longer proved; it holds a layer in
            another place than among its modules, too; it is wrapped in DDP. The model is as it was.
        SubjectError: the model as it is can't be copied or run, or its field type is not known.
        SteerganError: `for_` is none of these.

    Examples:
        >>> from escnn import nn as enn
        >>> from steergan.symmetry import gspace, regular_type, trivial_type
        >>> image, fields = trivial_type(gspace("C4"), 1), regular_type(gspace("C4"), 2)
        >>> model = enn.SequentialModule(enn.R2Conv(image, fields, 3), enn.ReLU(fields), enn.GroupPooling(fields))
        >>> for replacement in replacements(model):
        ...     print(replacement)
        0: R2Conv -> GroupConvolution
        2: GroupPooling -> GroupPool
        >>> accelerate(model, sizes=9, for_="inference", certify=False) is model
        True
    """
    if isinstance(model, nn.parallel.DistributedDataParallel):
        raise AccelerationError("the model is wrapped in DistributedDataParallel; accelerate it before it is wrapped")
    work = Workload(for_) if isinstance(for_, str) else for_
    if work is not None and not isinstance(work, Workload):
        raise SteerganError(f"for_ = {for_!r}; 'training', 'inference', a Workload or None was wanted")
    found = replacements(model)
    if not any(r.new is not None for r in found):
        # What an earlier call did is told on.
        return model if ATTRIBUTE in vars(model) else _reported(model, found, None, "No layer could be swapped.")
    subject = make_subject(model, sizes, in_type=in_type, others=others, call=call)
    before = replace(subject, module=twin_of(model))
    # All of them first: a layer that would compute something else is a fault, and must not pass for a slow one.
    with _swapped(subject, found) as after:
        require_same_function(before, after)
    chosen, whole, told = found, None, "Nothing was timed."
    if work is not None:
        chosen, whole, told = _faster_ones(subject, found, work)
    with _swapped(subject, chosen, keep=True) as after:
        if _new(chosen) != _new(found):
            require_same_function(before, after)
        if certify and _new(chosen):
            require_proof(before, after)
    return _reported(after.module, chosen, whole, told)


def _reported(model: nn.Module, found: Sequence[Replacement], whole: Interval | None, told: str) -> nn.Module:
    model.__dict__[ATTRIBUTE] = AccelerationReport(tuple(r.row for r in found), whole, told)
    return model


def _new(found: Sequence[Replacement]) -> list[int]:
    return [id(r.new) for r in found if r.new is not None]


def _new_layers(found: Sequence[Replacement]) -> dict[str, nn.Module]:
    """By their places."""
    return {path: r.new for r in found if r.new is not None for path in r.paths}


@contextmanager
def _swapped(subject: Subject, found: Sequence[Replacement], *, keep: bool = False) -> Iterator[Subject]:
    """Inside, new layers stand in the model; afterwards too, if they are to be kept and nothing went wrong."""
    swaps = [r for r in found if r.new is not None]
    faster = put(subject.module, _new_layers(found))
    right = False
    try:
        with _no_longer_called(swaps):
            yield replace(subject, module=faster)
        right = True
    finally:
        if not (right and keep):
            put(subject.module, {path: r.old for r in swaps for path in r.paths})


LEAST_GAIN = 1.02
"""Times as fast; what gains less is left alone, so that noise decides as little as can be."""


def _faster_ones(
    subject: Subject, found: Sequence[Replacement], work: Workload
) -> tuple[list[Replacement], Interval | None, str]:
    """Of the layers that could be swapped those that are faster, if the whole model is; and what was measured."""
    size = max(subject.sizes, key=lambda s: s[0] * s[1])
    told = f"{work.mode.capitalize()}, {work.batch_size} images of {size[0]} x {size[1]}."
    met = meetings(subject, [r.paths[0] for r in found if r.new is not None], size, work)
    known: dict[str, Interval] = {}
    chosen = []
    for r in found:
        if r.new is None:
            chosen.append(r)
            continue
        maps = met[r.paths[0]]
        if not maps:
            chosen.append(replace(r, new=None, reason="it was not called"))
            continue
        alike = f"{r.old!r} {maps} {[p.requires_grad for p in r.old.parameters()]}"  # layers alike are timed once
        if alike not in known:
            known[alike] = layer_times_as_fast(r.old, r.new, maps, work)
        ratio = known[alike]
        reason = "no difference here" if ratio.centre > 1 else "ours is slower here"
        reason = "" if ratio.centre > LEAST_GAIN else reason
        chosen.append(replace(r, times_as_fast=ratio, new=None if reason else r.new, reason=reason))
    if not _new(chosen):
        return chosen, None, told
    # A copy, so that what is timed is no model that anybody holds.
    twin = replace(subject, module=put(copied(subject.module), _new_layers(chosen)))
    whole = model_times_as_fast(subject, twin, size, work)
    if whole.centre <= 1:
        reason = "the whole model is not faster with ours"
        chosen = [r if r.new is None else replace(r, new=None, reason=reason) for r in chosen]
    return chosen, whole, told


def replacements(model: nn.Module) -> list[Replacement]:
    """Every layer of escnn's in a model that may have a counterpart, and what can take its place.

    The model is left as it is. A layer that is used in several places is listed once.
    """
    owners = _owners_of_parameters(model)
    listed = []
    for layer, paths in layers_in(model, lambda module: isinstance(module, tuple(COUNTERPARTS))):
        assert isinstance(layer, EquivariantModule)
        new, reason = None, ""
        try:
            _require_own_parameters(layer, owners)
            new = counterpart(layer)
        except SymmetryError as error:
            reason = str(error)
        listed.append(Replacement(paths, layer, new, reason))
    return listed


# --- parameters in a model


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


# --- layers that are called past the model


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
