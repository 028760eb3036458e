"""Which way computes a run's convolutions: whether it is to be had, what is recorded, when a run may change it."""

import os
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

from steergan.errors import RecipeError, RunError
from steergan.kernels import library
from steergan.layers.filters.path import fourier_paths, uses_fourier
from steergan.run.stretches import Stretch, kept_until, with_next

SWITCH = "--switch-convolution"


class ConvolutionRecord(Stretch):
    """How convolutions are computed, from a step on; the last bits of a run depend on it."""

    choice: str
    """What the recipe says: it decides which layers take the Fourier path."""
    device: str = "cpu"
    path: Literal["fourier", "dense"]
    """`fourier` if some layer takes it."""
    instructions: str | None = None
    """Which instruction set the kernels use."""
    reason: str | None = None
    """Why the path is dense."""
    layers: str | None = None
    """How many of the networks' group convolutions take the Fourier path: `3 of 9`."""

    @property
    def line(self) -> str:
        """For the user who starts a training."""
        if self.path == "fourier":
            return f"convolutions: {self.layers or 'some'} on the Fourier path ({self.instructions} kernels)"
        return f"convolutions: dense path ({self.reason})"


BEFORE_RECORDS = ConvolutionRecord(choice="dense", path="dense", reason="older than the Fourier path")
"""What computed the runs whose run.json says nothing."""


def off_processor(device: str | torch.device) -> str | None:
    """Why a device has no kernels, if it has none."""
    name = torch.device(device).type
    return None if name == "cpu" else f"the kernels compute on the CPU, not on {name}"


def check_convolution(choice: str, device: str | torch.device = "cpu") -> None:
    """Refuse the choice `fourier` where it can't be had.

    Raises:
        RecipeError: on an accelerator, or without kernels.
    """
    if choice != "fourier":
        return
    refused = 'performance.convolution = "fourier" can\'t be had here'
    if reason := off_processor(device):
        raise RecipeError(f'{refused}: {reason}; say "auto" or "dense", or --device cpu')
    if library.native() is None:
        raise RecipeError(f'{refused}: {library.absence()}; say "auto" or "dense", or {library.remedy()}')


def convolution_record(choice: str, device: str | torch.device, *networks: nn.Module) -> ConvolutionRecord:
    """What computes the convolutions of networks on this machine.

    Args:
        choice: the recipe's `performance.convolution`, which the networks were told too.
        device: where they compute.
        networks: built from the recipe.

    Raises:
        RecipeError: as `check_convolution`.
    """
    check_convolution(choice, device)
    if choice == "dense":
        reason: str | None = 'performance.convolution = "dense"'
    elif not any(map(uses_fourier, networks)):
        reason = "no layer of these networks takes the Fourier path"
    else:
        reason = off_processor(device)
    if reason is None:  # only now: the kernels may be built when they are first asked for
        native = library.native()
        if native is not None:
            paths = [path for network in networks for path in fourier_paths(network)]
            layers = f"{sum(path.wants_fourier for path in paths)} of {len(paths)}"
            return ConvolutionRecord(choice=choice, path="fourier", instructions=native.instructions, layers=layers)
        reason = library.absence()
    return ConvolutionRecord(choice=choice, device=torch.device(device).type, path="dense", reason=reason)


def continued(
    run: os.PathLike[str], past: Sequence[ConvolutionRecord], now: ConvolutionRecord, step: int, switch: bool
) -> tuple[tuple[ConvolutionRecord, ...], str | None]:
    """The record of a run that goes on after `step`, and a line for the user if other bits come out from here on.

    Args:
        run: its folder.
        past: what has computed it so far, in order of `from_step`.
        now: what would compute it.
        step: of the checkpoint that it goes on from.
        switch: the user agrees to another path.

    Raises:
        RunError: another path would compute it, and the user did not agree.
    """
    kept = kept_until(past, step)
    last = kept[-1]
    if same_path(last, now):
        if last.instructions == now.instructions:
            return kept, None
        line = (
            f"the convolutions were computed with {last.instructions} instructions, now with {now.instructions}: "
            "the same to rounding, not to the bit"
        )
    elif switch:
        line = f"from step {step} on, {now.line}; before, {last.line}"
    else:
        raise RunError(refusal(run, last, now))
    return with_next(kept, now, step), line


def same_path(last: ConvolutionRecord, now: ConvolutionRecord) -> bool:
    """Whether the same layers take the same path; all dense is all dense, whatever the recipe says."""
    if last.path != now.path or now.path == "dense":
        return last.path == now.path
    counted = None not in (last.layers, now.layers)
    return last.choice == now.choice and (not counted or last.layers == now.layers)


def refusal(run: os.PathLike[str], last: ConvolutionRecord, now: ConvolutionRecord) -> str:
    """Why a run does not go on by another path, and what the user can do."""
    keep = "dense" if last.path == "dense" else last.choice
    stay = f"Stay: steergan train {run}/resolved.toml --out {run} --set performance.convolution={keep}"
    if last.path == now.path and last.choice == now.choice:
        was = f"with {last.layers} convolutions on the Fourier path, not {now.layers}"
        stay, go_on = "Stay with the version of steergan that began it", "with this one"
    elif last.path == now.path:
        was = f'with performance.convolution = "{last.choice}", not "{now.choice}"'
        go_on = "with this choice"
    elif now.path == "fourier":
        was = f"by the dense path, and now the Fourier path would compute it ({now.instructions} kernels)"
        go_on = "by the Fourier path"
    else:
        go_on = "with the dense path"
        was = f"by the Fourier path, which is not to be had now ({now.reason})"
        if now.device != "cpu":
            stay = "Compute on the CPU (--device cpu)"
        elif now.choice == last.choice:
            remedy = library.remedy()
            stay = remedy[0].upper() + remedy[1:]
    return f"{run}: was computed {was}; the bits would differ from here on. {stay}, or go on {go_on}: {SWITCH}"
