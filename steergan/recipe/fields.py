"""Groups and fields in a recipe: the keys that both networks share."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from steergan.section import Section
from steergan.symmetry import GROUP_NAME

WANTED = "trivial, C_N or D_N with N up to 64 (C4, D4, C8, ...), SO2 or O2"


def is_name(value: Any) -> bool:
    """Whether a value is a group's name."""
    return isinstance(value, str) and GROUP_NAME.fullmatch(value) is not None


def one_group(value: Any) -> Any:
    """A generator's group.

    Raises:
        PydanticCustomError: not a name, or a list of names.
    """
    if isinstance(value, list | tuple):
        raise PydanticCustomError(
            "group",
            "one name; a generator that gives up symmetry on the way does not turn its image with its seed map "
            "(a discriminator may)",
        )
    if not is_name(value):
        raise PydanticCustomError("group", WANTED)
    return value


def one_group_or_several(value: Any) -> Any:
    """A discriminator's group, or those of its blocks.

    Raises:
        PydanticCustomError: not a name, nor a list of names.
    """
    names = value if isinstance(value, list | tuple) else [value]
    if not names or not all(is_name(name) for name in names):
        raise PydanticCustomError("group", WANTED + "; or a list of them, one per block")
    return value if isinstance(value, str) else tuple(names)


def odd_or_zero(value: int) -> int:
    """A kernel size.

    Raises:
        PydanticCustomError: an even number.
    """
    if value % 2 == 0 and value > 0:
        raise PydanticCustomError("kernel_size", "an odd number of pixels, or 0 for the group's own")
    return value


GeneratorGroup = Annotated[str, BeforeValidator(one_group)]
DiscriminatorGroup = Annotated[str | tuple[str, ...], BeforeValidator(one_group_or_several)]


class FieldSettings(Section):
    """Which fields stand between the layers of a network, where its group leaves a choice."""

    kernel_size: Annotated[int, Field(ge=0), AfterValidator(odd_or_zero)] = 0
    """Pixels along one side of the filters; 0: 3 for groups that permute pixels (C4, D4, their subgroups), 5 for
    others."""
    frequency: Annotated[int, Field(ge=1, le=16)] = 3
    """The highest angular frequency of fields of SO2 and O2."""
    nonlinearity: Literal["auto", "pointwise", "fourier", "gated"] = "auto"
    """`pointwise` on regular fields; `fourier` (ELU of sampled functions, what `auto` means there) or `gated` on those
    of SO2 and O2."""
