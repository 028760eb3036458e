"""Which fields stand between the layers of a network."""

from dataclasses import dataclass

from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType

from steergan.errors import SymmetryError
from steergan.layers import filter_size
from steergan.layers.filters.bases import check_kernel
from steergan.symmetry import (
    fields_for_width,
    fourier_representation,
    gated_representation,
    group_name,
    is_continuous,
)

NONLINEARITIES = ("auto", "pointwise", "fourier", "gated")


@dataclass(frozen=True)
class HiddenFields:
    """Regular fields of a finite group, Fourier or gated fields of a continuous one.

    Attributes:
        kernel_size: taps along one side of all but 1x1 filters; 0: 3 for groups that permute pixels, 5 for others.
        frequency: the highest of SO(2)'s and O(2)'s fields.
        nonlinearity: "pointwise" on regular fields, "fourier" (ELU of the sampled function) or "gated" on those of a
            continuous group; "auto": pointwise, fourier.
    """

    kernel_size: int = 0
    frequency: int = 3
    nonlinearity: str = "auto"

    def filter_size(self, space: GSpace2D) -> int:
        """Taps along one side."""
        return self.kernel_size or filter_size(space)

    def check(self, space: GSpace2D) -> None:
        """Refuse a nonlinearity that is none on the fields of a network's (first) group.

        Raises:
            SymmetryError: it isn't.
        """
        if self.nonlinearity not in NONLINEARITIES:
            raise SymmetryError(f"nonlinearity {self.nonlinearity!r}; wanted: one of {', '.join(NONLINEARITIES)}")
        name = group_name(space)
        if is_continuous(space) and self.nonlinearity == "pointwise":
            raise SymmetryError(
                f'nonlinearity = "pointwise" on irreps of {name} is not equivariant; '
                'use "fourier" or "gated" (or "auto"), or a finite group such as C16'
            )
        if not is_continuous(space) and self.nonlinearity in ("fourier", "gated"):
            raise SymmetryError(
                f'nonlinearity = "{self.nonlinearity}" is for SO2 and O2; {name} has regular fields, '
                'which take "pointwise" (or "auto")'
            )

    def representation(self, space: GSpace2D) -> Representation:
        """Of a field, as a nonlinearity gets it."""
        if not is_continuous(space):
            return space.regular_repr
        make = gated_representation if self.nonlinearity == "gated" else fourier_representation
        return make(space, self.frequency)

    def representation_after(self, space: GSpace2D) -> Representation:
        """Of a field, as a nonlinearity leaves it."""
        return fourier_representation(space, self.frequency) if is_continuous(space) else space.regular_repr

    def of_width(self, space: GSpace2D, width: int) -> FieldType:
        """Fields, as a nonlinearity gets them, in place of `width` channels of a plain CNN.

        Raises:
            SymmetryError: the kernel can't hold the fields' frequencies.
        """
        field, size = self.representation(space), self.filter_size(space)
        check_kernel(space, field, size)
        return FieldType(space, [field] * fields_for_width(space, width, size, field))

    def seed_of_width(self, space: GSpace2D, width: int) -> FieldType:
        """As many fields, as a nonlinearity leaves them."""
        return FieldType(space, [self.representation_after(space)] * len(self.of_width(space, width)))
