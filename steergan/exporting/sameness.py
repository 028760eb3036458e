"""Whether an export computes what the model does, and whether it has its symmetry: measured."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten

from steergan.copies import copied
from steergan.exporting.baking import Baked, as_double, without_types
from steergan.exporting.parts import Inputs, Part
from steergan.exporting.recorder import ExportError
from steergan.verification.measured.forward import exact_float32

INPUTS = 32
"""Seeded inputs that are compared."""
PIXELS_AT_ONCE = 2**19
"""Numbers of an output that are made at once, about."""
CROWD = 67
"""Images of the last comparison, more than forwards are likely to treat alike, and no multiple of anything."""
CROWDED = 2**20
"""Numbers of inputs and outputs up to which it is made."""
ALLOWED = {"float32": 1e-4, "float64": 1e-5, "onnxruntime": 1e-4}
"""Largest difference, relative to the largest output: more than rounding of float32, in which escnn samples bases."""

Run = Callable[[Inputs], Tensor]


@dataclass(frozen=True)
class Measured:
    """What was found of one way to run an export.

    Attributes:
        difference: the largest one from the model, relative to its largest output.
        symmetry: the largest difference between what a moved input gives and the moved output, relative likewise;
            None where no motion is known.
        element: for which it is largest.
    """

    difference: float
    symmetry: float | None
    element: str = ""

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def first_tensor(result: Any) -> Tensor:
    """All tensors of a result, in one row for each image."""
    found = [t for t in tree_flatten(without_types(result))[0] if isinstance(t, Tensor)]
    if len(found) == 1:
        return found[0]
    return torch.cat([t.flatten(1) for t in found], dim=1)


@torch.no_grad()
def measure(run: Run, model: Run, part: Part, dtype: torch.dtype, batch: int, inputs: int = INPUTS) -> Measured:
    """Compare a way to run an export with the model.

    Args:
        run: inputs -> output.
        model: likewise, of the original.
        part: what was exported.
        dtype: of inputs.
        batch: images at once.
        inputs: how many are compared, about.
    """
    off = symmetry = largest = 0.0
    element = ""
    moved_largest = 0.0
    with exact_float32():
        for given in batches(part, dtype, batch, inputs):
            wanted, found = model(given), run(given)
            if wanted.shape != found.shape:
                raise ExportError(f"the export gives {tuple(found.shape)} where the model gives {tuple(wanted.shape)}")
            largest = max(largest, float(wanted.abs().max()))
            off = worse(off, float((wanted - found).abs().max()))
        given = next(batches(part, dtype, batch, inputs))
        base = run(still(part, given)) if part.motions else None
        for motion in part.motions:
            assert base is not None
            wanted, found = motion.output(base), run(motion.inputs(given))
            moved_largest = max(moved_largest, float(wanted.abs().max()))
            error = float((wanted - found).abs().max())
            if not error <= symmetry:
                symmetry, element = error, motion.name
    scale = max(largest, 1e-30)
    return Measured(off / scale, symmetry / max(moved_largest, 1e-30) if part.motions else None, element)


def worse(one: float, other: float) -> float:
    """The larger of two errors; not a number is the largest."""
    return other if not other <= one else one


def still(part: Part, given: Inputs) -> Inputs:
    """Inputs that no element moved: element 0 where the group acts by a number."""
    return [*given[:2], torch.zeros_like(given[2])] if "element" in part.names else given


def batches(part: Part, dtype: torch.dtype, batch: int, inputs: int = INPUTS) -> Iterator[Inputs]:
    """The seeded inputs, so many at once."""
    for number in range(-(-inputs // batch)):
        yield [x.to(dtype) if x.is_floating_point() else x for x in part.examples(batch, number)]


def at_once(part: Part) -> int:
    """How many images are compared at once: as many as two give room for."""
    return int(max(2, min(8, PIXELS_AT_ONCE // max(numbers_of(part), 1))))


@torch.no_grad()
def numbers_of(part: Part) -> float:
    """Numbers in the inputs and the output of one image."""
    given = part.examples(2, 0)
    return sum(t.numel() for t in [*given, first_tensor(part.call(in_evaluation(part, torch.float32), *given))]) / 2


def in_evaluation(part: Part, dtype: torch.dtype) -> Any:
    """A copy of the model, as it is compared."""
    if dtype == torch.float64:
        return as_double(part.module)
    with torch.no_grad():
        return copied(part.module).float().train().eval()


def runner(module: Any) -> Run:
    """Inputs -> what a baked module makes of them."""
    return lambda given: first_tensor(module(*given))


def caller(part: Part, original: Any) -> Run:
    """Inputs -> what the original makes of them."""
    return lambda given: first_tensor(part.call(original, *given))


def runs(part: Part, original: Any, batch: int) -> bool:
    """Whether the model itself can be run in float64."""
    try:
        with torch.no_grad():
            return first_tensor(part.call(original, *next(batches(part, torch.float64, batch)))).dtype == torch.float64
    except RuntimeError:
        return False


def compared(part: Part, baked: Baked, batch: int = 0, inputs: int = INPUTS) -> dict[str, Measured]:
    """float32 and, where the original can be run in it, float64 of a baked model against the original.

    Args:
        part: what was exported.
        baked: what became of it.
        batch: images that it takes at once; 0: any number.
        inputs: how many are compared, about.

    Raises:
        ExportError: they differ by more than rounding.
    """
    many = batch or at_once(part)
    found = {}
    for dtype, module in ((torch.float64, baked.exact), (torch.float32, baked.module)):
        name = str(dtype).removeprefix("torch.")
        if module is None:
            continue
        original = in_evaluation(part, dtype)
        if dtype == torch.float64 and not runs(part, original, many):
            continue  # as with escnn's GroupPooling, which returns float32
        found[name] = measure(runner(module), caller(part, original), part, dtype, many, inputs)
        require_same(name, found[name])
    if not batch:
        compare_crowd(part, baked)
    return found


def compare_crowd(part: Part, baked: Baked) -> None:
    """Compare once more on many images at once, where they are small: models may treat up to 8 or 32 alike.

    Raises:
        ExportError: the export computes something else for so many.
    """
    if numbers_of(part) * CROWD > CROWDED:
        return
    alone = replace(part, motions=())
    model = caller(part, in_evaluation(part, torch.float32))
    off = measure(runner(baked.module), model, alone, torch.float32, CROWD, CROWD).difference
    if not off <= ALLOWED["float32"]:
        raise ExportError(
            f"for {CROWD} images at once the export is off by {off:.1e} of the largest output: what the model's "
            "forward does depends on the number of images; fix it with --batch"
        )


def require_same(name: str, found: Measured) -> None:
    """Refuse what computes something else.

    Raises:
        ExportError: it does.
    """
    if not found.difference <= ALLOWED[name]:
        raise ExportError(
            f"what was exported computes something else in {name}: off by {found.difference:.1e} of the largest output "
            f"({ALLOWED[name]:.0e} is rounding); nothing was written (please report this)"
        )
