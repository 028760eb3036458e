"""Which sizes networks that translate images can take."""

from collections.abc import Sequence

from steergan.errors import RecipeError, SymmetryError


def check_pair(in_shape: tuple[int, int, int], out_shape: tuple[int, int, int]) -> None:
    """Refuse pairs whose images lie on different grids.

    Raises:
        RecipeError: they do.
    """
    if in_shape[1:] != out_shape[1:]:
        came = " and ".join(f"{height} x {width}" for _, height, width in (in_shape, out_shape))
        raise RecipeError(f"inputs and outputs of {came} pixels; images of a pair of one size were wanted")


def check_halvings(size: Sequence[int], halvings: int, network: str) -> None:
    """Refuse sizes that can't be halved so often, with those that can.

    Args:
        size: (H, W).
        halvings: how many.
        network: whose widths make so many, "generator" or "discriminator".

    Raises:
        SymmetryError: a side is no multiple of 2^halvings.
    """
    multiple = 2**halvings
    if any(side % multiple or side == 0 for side in size):
        near = " x ".join(str(max(1, round(side / multiple)) * multiple) for side in size)
        raise SymmetryError(
            f"images of {size[0]} x {size[1]} pixels can't be halved {halvings} times: sides must be multiples of "
            f"{multiple}; {near} would do, or fewer {network}.widths"
        )
