"""Whether a model with other layers computes the same, and is proved still."""

from collections.abc import Sequence

import torch
from torch import Tensor

from steergan.errors import SteerganError, SubjectError
from steergan.randomness import seed_torch
from steergan.verification import verify_subject
from steergan.verification.measured.forward import exact_float32
from steergan.verification.subject import Size, Subject, in_one_line, random_input, tensors_of, twin_of

ALLOWED = 1e-4
"""Largest difference between the outputs before and after, relative to the largest entry before."""

NUDGE = 1e-6
"""Relative change of an input that is no more than a few roundings: escnn samples its bases in float32."""

NUDGES = 10
"""A difference is rounding, too, where it is no more than so many nudges of the input make."""


class AccelerationError(SteerganError):
    """A model that can't be accelerated. It is left as it was."""


def require_same_function(before: Subject, after: Subject) -> None:
    """Compare what both put out at every size.

    Raises:
        AccelerationError: they differ by more than rounding, or the second can't be run.
        SubjectError: the first can't be run.
    """
    for size in before.sizes:
        at = f"at {size[0]} x {size[1]}"
        try:
            wanted, nudged = outputs_of(before, size), outputs_of(before, size, NUDGE)
        except Exception as error:
            raise SubjectError(f"{before.name} can't be run {at}, before any change: {in_one_line(error)}") from error
        try:
            found = outputs_of(after, size)
        except AccelerationError:
            raise
        except Exception as error:
            raise AccelerationError(
                f"accelerated, {before.name} can't be run {at}: {in_one_line(error)}; the model is as it was"
            ) from error
        for mode, outputs in wanted.items():
            off, noise = (distance(other[mode], outputs) for other in (found, nudged))
            allowed = max(ALLOWED, NUDGES * noise)
            if not off <= allowed:
                raise AccelerationError(
                    f"accelerated, {before.name} computes something else {at}, {mode}: off by {off:.1e} of the "
                    f"largest output, where {allowed:.0e} is rounding; the model is as it was"
                )


@torch.no_grad()
def outputs_of(subject: Subject, size: Size, nudge: float = 0.0) -> dict[str, list[Tensor]]:
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
            seed_torch(seed)
            found[mode] = [tensor for tensor, _ in tensors_of(subject(network, x))]
    return found


def distance(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """The largest difference, relative to the largest entry that was wanted; not finite where an output is not."""
    if [t.shape for t in found] != [t.shape for t in wanted]:
        return float("inf")
    pairs = [(a.double(), b.double()) for a, b in zip(found, wanted, strict=True)]
    errors = [float((a - b).abs().max() / b.abs().max().clamp_min(1e-30)) for a, b in pairs if b.numel()]
    return max(errors, default=0.0) if all(e == e for e in errors) else float("nan")


def require_proof(before: Subject, after: Subject) -> None:
    """Whatever was proved before is proved.

    Raises:
        AccelerationError: it is not.
    """
    if before.missing:  # nothing is claimed of it until somebody says a type
        return
    found = verify_subject(after, off_grid=False)
    # What is proved now need not have been proved before, which takes as long to find out.
    if found.verdict != "proved" and verify_subject(before, off_grid=False).verdict == "proved":
        raise AccelerationError(f"accelerated, the model is no longer proved: {found.sentence} The model is as it was")
