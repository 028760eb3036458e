"""Which fields stand between the layers of a network."""

from typing import Annotated, Literal

from escnn.group import Representation
from escnn.gspaces import GSpace2D
from escnn.nn import FieldType
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from steergan.errors import SymmetryError
from steergan.layers import filter_size
from steergan.layers.filters.bases import check_kernel
from steergan.section import Section
from steergan.symmetry import (
    fields_for_width,
    fourier_representation,
    gated_representation,
    group_name,
    is_continuous,
)


def odd_or_zero(value: int) -> int:
    """A kernel size.

    Raises:
        PydanticCustomError: an even number.
    """
    if value % 2 == 0 and value > 0:
        raise PydanticCustomError("kernel_size", "an odd number of pixels, or 0 for the group's own")
    return value


class HiddenFields(Section):
    """Regular fields of a finite group, Fourier or gated fields of a continuous one: keys that both networks have.

    Examples:
        >>> from steergan.symmetry import gspace
        >>> HiddenFields().of_width(gspace("D4"), 64).size  # 22 = floor(64 / sqrt(8)) regular fields of 8 channels
        176
    """

    kernel_size: Annotated[int, Field(ge=0), AfterValidator(odd_or_zero)] = 0
    """Pixels along one side of the filters; 0: 3 for groups that permute pixels (C4, D4, their subgroups), 5 for
    others."""
    filters: Literal["auto", "band-limited"] = "auto"
    """`auto`: all filters that commute with a group that permutes pixels, and escnn's band-limited ones for others.
    `band-limited`: those for every group, and with them what others have: 5x5, bilinear upsampling, antialiased average
    pools. So C4 is built as C8 and SO2 are, to be compared with them; plain stages only."""
    frequency: Annotated[int, Field(ge=1, le=16)] = 3
    """The highest angular frequency of fields of SO2 and O2."""
    nonlinearity: Literal["auto", "pointwise", "fourier", "gated"] = "auto"
    """`pointwise` on regular fields; `fourier` (ELU of sampled functions, what `auto` means there) or `gated` on those
    of SO2 and O2."""

    def filter_size(self, space: GSpace2D) -> int:
        """Taps along one side of all filters but those of 1 x 1."""
        return self.kernel_size or filter_size(space, self.band_limited)

    @property
    def band_limited(self) -> bool:
        """Whether groups that permute pixels have the filters of those that don't."""
        return self.filters == "band-limited"

    def check(self, space: GSpace2D) -> None:
        """Refuse a nonlinearity that is none on the fields of a network's (first) group.

        Raises:
            SymmetryError: it isn't.
        """
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
        """Of a field, as a nonlinearity leaves it: without the gate, if it has one."""
        return fourier_representation(space, self.frequency) if is_continuous(space) else space.regular_repr

    def of_width(self, space: GSpace2D, width: int) -> FieldType:
        """Fields, as a nonlinearity gets them, in place of `width` channels of a plain CNN.

        Raises:
            SymmetryError: the kernel can't hold the fields' frequencies.
        """
        field, size = self.representation(space), self.filter_size(space)
        check_kernel(space, field, size)
        return FieldType(space, [field] * fields_for_width(space, width, size, field, self.band_limited))

    def after(self, field_type: FieldType) -> FieldType:
        """What a nonlinearity makes of fields of `of_width`: as many, each as it leaves it."""
        return FieldType(field_type.gspace, [self.representation_after(field_type.gspace)] * len(field_type))
