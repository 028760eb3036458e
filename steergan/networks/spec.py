"""What a network is built from: every setting and its one default, which recipes share."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from steergan.layers.spectral_norm import NormOf
from steergan.networks.attention import AttentiveFields
from steergan.symmetry import GROUP_NAME, gspace, is_grid_group

WANTED = "trivial, C_N or D_N with N up to 64 (C4, D4, C8, ...), SO2 or O2"

Widths = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1, strict=False)]


def suits_filters(value: str, info: ValidationInfo) -> str:
    """What stages are made of.

    Raises:
        PydanticCustomError: residual blocks of band-limited filters.
    """
    if value != "plain" and info.data.get("filters") == "band-limited":
        raise PydanticCustomError("architecture", '"plain" with filters = "band-limited"')
    return value


Architecture = Annotated[Literal["plain", "residual"], AfterValidator(suits_filters)]
Initialization = Literal["orthogonal", "normal"]
"""Orthogonal, the paper's default, or N(0, 0.02) as in C.2.4."""


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


def norm_in_words(value: Any) -> Any:
    """Which spectral norm: older recipes say true for that of the bank, and false for none."""
    return {True: "bank", False: "off"}[value] if isinstance(value, bool) else value


Normed = Annotated[NormOf, BeforeValidator(norm_in_words)]


def no_single_image(value: int) -> int:
    """How many images are compared.

    Raises:
        PydanticCustomError: one, which is like itself.
    """
    if value == 1:
        raise PydanticCustomError("minibatch_deviation", "2 images or more, or 0 for none: one has no deviation")
    return value


ComparedImages = Annotated[int, Field(ge=0), AfterValidator(no_single_image)]
InitialGradient = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def suited_latent(value: str, info: ValidationInfo) -> str:
    """A latent, `auto` replaced by what the group in front of it can take and makes the law of the images invariant.

    Nothing is chosen where the group was refused.
    """
    group = info.data.get("group")
    if value != "auto" or group is None:
        return value
    return "symmetrized" if is_grid_group(gspace(group)) else "steerable"


class AnyGeneratorSpec(AttentiveFields):
    """What generators of all architectures have in common."""

    group: Annotated[str, BeforeValidator(one_group)] = "C4"
    """`trivial` makes the paper's plain CNN."""
    architecture: str = "plain"
    """Which kind of network."""
    latent: Annotated[
        Literal["auto", "dense", "symmetrized", "steerable"],
        Field(validate_default=True),
        AfterValidator(suited_latent),
    ] = "auto"
    """`dense`: a plain vector. `symmetrized`: one whose seed map is turned by a random element. `steerable`: a field
    that the group acts on, with which the picture turns. `auto` becomes `symmetrized` where the group permutes pixels
    and `steerable` elsewhere, as soon as the settings are made."""
    latent_law: Literal["normal", "bernoulli"] = "normal"
    """What the caller draws latents from; the network takes any."""
    z_dim: Annotated[int, Field(ge=1)] = 64
    """Numbers in a latent."""
    embedding_dim: Annotated[int, Field(ge=1)] = 64
    """Numbers that a class becomes."""
    seed_width: Annotated[int, Field(ge=1)] = 128
    """Channels of the seed map, trivial fields (steerable: hidden fields in place of so many)."""
    widths: Widths = (512, 256, 128)
    """Channels of a plain CNN, one entry per convolution before the last, or per residual block; the group gets
    width / sqrt(|G|) fields, off the grid as many as have the same number of weights."""


class GeneratorSpec(AnyGeneratorSpec):
    """The generator: latent and label -> seed map -> group convolutions -> image.

    Raises:
        pydantic.ValidationError: an unknown key, a wrong type or an impossible value.

    Examples:
        >>> GeneratorSpec(group="D4", widths=(64, 32)).latent, GeneratorSpec(group="SO2").latent
        ('symmetrized', 'steerable')
    """

    architecture: Architecture = "plain"
    """Stages of one convolution each (RotMNIST), or pre-activation residual blocks (the other data sets)."""
    upsamplings: Annotated[int, Field(ge=0)] = 2
    """How many of the stages or blocks, from the first, upsample by 2."""
    spectral_norm: Normed = "bank"
    """Of every convolution and of the dense layers of the seed map and the conditional batch norms: filter banks are
    divided by the largest singular value of the bank (`bank`), by that of their free weights (`weights`, which leaves
    layers as strong as a plain CNN's), or not (`off`)."""
    initialization: Initialization = "orthogonal"
    """Of the free weights."""


class AnyDiscriminatorSpec(AttentiveFields):
    """What discriminators of all architectures have in common."""

    group: Annotated[str | tuple[str, ...], BeforeValidator(one_group_or_several)] = "C4"
    """One name, or one for each stage or block, each a subgroup of the one before: symmetric at small scales, less at
    large ones."""
    architecture: str = "plain"
    """As the generator's."""
    widths: Widths = (128, 256, 512)
    """Channels of a plain CNN, one entry per convolution or residual block."""

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of every block; a single one stands for all."""
        return (self.group,) if isinstance(self.group, str) else self.group


class DiscriminatorSpec(AnyDiscriminatorSpec):
    """The discriminator: image -> group convolutions and pools -> group pooling -> projection with the label.

    Raises:
        pydantic.ValidationError: an unknown key, a wrong type or an impossible value.

    Examples:
        >>> DiscriminatorSpec(group=("D4", "C4", "C4")).widths
        (128, 256, 512)
    """

    architecture: Architecture = "plain"
    """As the generator's."""
    downsample: Annotated[tuple[bool, ...], Field(strict=False)] = ()
    """Whether each stage or block ends in a pool by 2; empty: all do."""
    pool: Literal["average", "max"] = "average"
    """What a pool takes of its pixels."""
    pooling: Literal["exact", "paper"] = "exact"
    """`exact`: odd maps are pooled by 3x3, stride 2, padding 1. `paper`: 7 -> 3 drops a row and a column, which breaks
    the symmetry."""
    batch_norm: bool = False
    """In front of every ReLU of the stages or blocks (LYSTO)."""
    group_pool: Literal["end", "before-last-block"] = "end"
    """Where the group's maximum is taken: what follows is a plain CNN, which sees the pose of an image."""
    plain_width: Annotated[int, Field(ge=0)] = 0
    """Filters of one plain 3x3 convolution after the group pooling; 0: none."""
    global_pool: Literal["average", "sum"] = "average"
    """Over the last map's pixels."""
    minibatch_deviation: ComparedImages = 0
    """Images whose features' standard deviation is one more feature, by which D sees that they are alike: so many at a
    time, as they come in a batch (4 in StyleGAN2); 0: none."""
    spectral_norm: Normed = "bank"
    """As the generator's, of every convolution and of the head."""
    embedding_norm: bool = False
    """Whether the embedding of classes is divided by its spectral norm, too."""
    initial_gradient: InitialGradient = 0.0
    """Root mean square of ||dD/dx|| at training images x in [-1, 1] before the first step: the scores are multiplied by
    a constant that makes it so, whatever the group, the width and the depth; 0: they stay as the layers give them."""
    initialization: Initialization = "orthogonal"
    """As the generator's."""
