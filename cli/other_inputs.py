"""Further inputs of a module as options: `--other 10`, `--other 3x32x32`, `--other labels:10`, `--other values.npy`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

FORMS = "10 (numbers for each image), 3x32x32 (a map), labels:10 (labels below 10), values.npy (for two images)"


others_option = click.option(
    "--other",
    "others",
    metavar="WHAT",
    multiple=True,
    help="A further argument, which the group leaves alone: 10 numbers for each image (10), a map (3x32x32), labels "
    "below 10 (labels:10), or values of two images in a file (values.npy); once for each.",
)


def others_of(words: Sequence[str], in_type: Any) -> tuple[Any, ...]:
    """What the options say, as `verify` takes it: tensors for two images, behind the inputs that have a type.

    Args:
        words: what came, in the order of the arguments.
        in_type: what `--in-type` said: nothing, a field type, or several.

    Raises:
        click.BadParameter: something else came, or a file that holds no values of two images.
    """
    import torch

    stream = torch.Generator().manual_seed(0)
    typed = len(in_type) - 1 if isinstance(in_type, tuple | dict) else 0
    return ((None,) * typed + tuple(_value(word, stream) for word in words)) if words else ()


def _value(word: str, stream: Any) -> Any:
    import torch

    from steergan.verification.subject import BATCH

    if word.endswith(".npy"):
        return _values_in(Path(word))
    labels = re.fullmatch(r"labels:([1-9]\d*)", word)
    if labels:
        return torch.randint(int(labels[1]), (BATCH,), generator=stream)
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*x[1-9]\d*)?", word):
        raise _refused(f"{word!r} came; wanted: {FORMS}")
    return torch.randn(BATCH, *(int(n) for n in word.split("x")), generator=stream)


def _values_in(path: Path) -> Any:
    import numpy as np
    import torch

    from steergan.verification.subject import BATCH

    try:
        values = np.load(path, allow_pickle=False)
        tensor = torch.from_numpy(values)
    except (OSError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())
        raise _refused(f"{path}: {said}; an array of numbers, saved by numpy, was wanted") from None
    if not tensor.dim() or len(tensor) != BATCH:
        raise _refused(f"{path} holds values of shape {tuple(tensor.shape)}; those of {BATCH} images were wanted")
    return tensor.float() if tensor.is_floating_point() else tensor


def _refused(words: str) -> click.BadParameter:
    return click.BadParameter(words, param_hint="'--other'")
