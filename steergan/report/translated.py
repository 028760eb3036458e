"""The parts of a page that are a translation's: held-out inputs, what they become, and what they should."""

from typing import Any

import torch

from steergan.layers import shared_filters
from steergan.networks import UNet
from steergan.pixels import to_uint8, to_unit
from steergan.randomness import torch_stream
from steergan.report.drawn import BUDGETS, TILE
from steergan.report.images import encoded, single
from steergan.run.grids import translated
from steergan.run.load import LoadedTranslation
from steergan.symmetry import group_name, pixel_group
from steergan.symmetry.actions import act, action_table
from steergan.training import draw_latents
from steergan.translation import PairSet

MEASURED = 2
"""Inputs whose outputs are compared under every element."""
HALF = {"D4": "D2", "C4": "C2"}
"""What of a group moves rectangles."""


def translations(run: LoadedTranslation, pairs: PairSet) -> dict[str, Any]:
    """Inputs, outputs and truth, image by image, so that the page can turn them.

    Args:
        run: its translator, in evaluation mode.
        pairs: held out; some are shown, evenly spread.
    """
    sheets = translated(pairs, run.generator, run.recipe.training.seed)
    count, side = len(sheets["truth"]), sheets["truth"].shape[-1]
    found = encoded([single(image) for images in sheets.values() for image in images], BUDGETS["samples"])
    return {
        "rows": [(name, found.uris[row * count : (row + 1) * count]) for row, name in enumerate(sheets)],
        "count": count,
        "of": len(pairs),
        "lossless": found.lossless,
        "tile": max(1, round(TILE / side)) * side,
        "small": side < TILE,
        "step": run.step,
    }


@torch.inference_mode()
def turned_difference(run: LoadedTranslation, pairs: PairSet) -> int | None:
    """How many levels of 255 the output of a moved input is from the moved output, at most, over all elements.

    Args:
        run: its translator, in evaluation mode; what its dropout leaves out is held fixed.
        pairs: of which the first are taken.

    Returns:
        None of a translator without symmetry.
    """
    network = run.generator.network
    assert isinstance(network, UNet)
    group = pixel_group(group_name(network.in_type.gspace))
    _, height, width = run.generator.input_shape
    group = group if height == width else HALF.get(group, group)
    if group == "trivial":
        return None
    inputs, table_GP = torch.from_numpy(pairs.labels[:MEASURED].copy()), action_table(group, height, width)
    z = draw_latents(run.generator, len(inputs), torch_stream(run.recipe.training.seed, "grid/0")).z
    largest = 0
    with shared_filters(run.generator):
        upright = to_uint8(run.generator(z, to_unit(inputs)))
        for number in range(1, len(table_GP)):
            element = torch.full((len(inputs),), number)
            moved = to_uint8(run.generator(z, to_unit(act(inputs, table_GP, element))))
            largest = max(largest, int((moved.int() - act(upright, table_GP, element).int()).abs().max()))
    return largest
