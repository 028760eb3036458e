"""What an element makes of all inputs of a subject, at any angle, without a pixel being interpolated."""

from functools import lru_cache

import torch
from escnn.group import GroupElement
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from torch import Tensor

from steergan.errors import SymmetryError
from steergan.motions import element_at, plane_motion
from steergan.verification.measured.bumps import Bumps, fibre_of, random_bumps
from steergan.verification.subject import Size, Subject

APART = 1000
"""From the seed of one input to that of the next."""

Inputs = tuple[Tensor, tuple[Tensor, ...]]
"""A batch of the first input, and the others."""


def inputs_at(subject: Subject, size: Size, seed: int, moved: tuple[float, bool] | None = None) -> Inputs:
    """A batch of inputs, and what an element makes of them; maps that turn are bumps, vectors are those of the subject.

    Args:
        subject: what is claimed.
        size: of the first input.
        seed: of the bumps.
        moved: degrees, counterclockwise, and whether they are reflected first; None: upright.
    """
    others = []
    for number, (value, kind) in enumerate(subject.at(size).typed_others, 1):
        assert value is not None
        if kind is None:
            others.append(value)
        elif value.dim() == 4:
            drawn = random_bumps(kind, (value.shape[2], value.shape[3]), seed + APART * number)
            others.append(turned_bumps(drawn, kind, moved))
        else:
            fibre = None if moved is None else fibre_of(kind, element_or_none(kind.gspace, *moved))
            others.append(value if fibre is None else value @ torch.from_numpy(fibre.T).to(value))
    bumps = random_bumps(subject.in_type, size, seed, subject.scale)
    return turned_bumps(bumps, subject.in_type, moved), tuple(others)


def turned_bumps(bumps: Bumps, kind: FieldType, moved: tuple[float, bool] | None) -> Tensor:
    """The map of bumps that an element has moved."""
    if moved is None:
        return bumps.render()
    return bumps.moved(plane_motion(*moved), fibre_of(kind, element_or_none(kind.gspace, *moved))).render()


@lru_cache(maxsize=1024)
def element_or_none(space: GSpace2D, angle: float, reflect: bool) -> GroupElement | None:
    """The group's element, if it has one."""
    try:
        return element_at(space, angle, reflect)
    except SymmetryError:
        return None
