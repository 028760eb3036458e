"""What the modern pair is built from: settings and their defaults, which recipes share."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from steergan.networks.attention import AttentiveFields
from steergan.networks.spec import (
    AnyDiscriminatorSpec,
    AnyGeneratorSpec,
    ComparedImages,
    InitialGradient,
    Initialization,
    Widths,
    suits_filters,
)
from steergan.symmetry import gspace, is_trivial


def noise_that_keeps_a_law(value: bool, info: ValidationInfo) -> bool:
    """Whether there is noise.

    Raises:
        PydanticCustomError: with a latent that makes no claim of the images' law, or that noise can't turn with.
    """
    group, latent = info.data.get("group"), info.data.get("latent")
    if value and latent == "dense" and group is not None and not is_trivial(gspace(group)):
        raise PydanticCustomError("noise", 'false with latent = "dense", which claims no law that noise could keep')
    if value and latent == "steerable":
        raise PydanticCustomError(
            "noise", 'false with latent = "steerable": maps of noise turn with latent = "symmetrized" alone'
        )
    return value


class Blocks(AttentiveFields):
    """The keys of residual blocks without norms."""

    blocks: Annotated[int, Field(ge=0)] = 1
    """Residual blocks in every stage (R3GAN: 2)."""
    hidden_ratio: Annotated[float, Field(gt=0, le=16)] = 1.0
    """Width between the convolutions of a block, over that of its stage (R3GAN: 2, with a cardinality)."""
    cardinality: Annotated[int, Field(ge=1)] = 1
    """Parts in which the 3x3 convolution of a block is computed, each on a share of the hidden fields, of whose number
    it is a divisor; 1: one plain convolution."""

    @property
    def spectral_norm(self) -> Literal["off"]:
        """No spectral norm."""
        return "off"

    @property
    def initialization(self) -> Initialization:
        """What layers do by themselves; blocks scale it."""
        return "orthogonal"

    def hidden_width(self, width: int) -> int:
        """Between the convolutions of a block, channels of a plain CNN."""
        return max(1, round(self.hidden_ratio * width))


class ModernGeneratorSpec(AnyGeneratorSpec, Blocks):
    """The modern generator: latent and label -> basis -> residual blocks without norms, between upsamplings -> image.

    Raises:
        pydantic.ValidationError: an unknown key, a wrong type or an impossible value.

    Examples:
        >>> ModernGeneratorSpec(group="D4", widths=(64, 32)).upsamplings
        1
    """

    architecture: Annotated[Literal["modern"], AfterValidator(suits_filters)] = "modern"
    """Residual blocks without norms, as in R3GAN."""
    widths: Widths = (128, 64, 32)
    """Channels of a plain CNN in every stage; each but the first begins with an upsampling by 2. The group gets
    width / sqrt(|G|) fields, off the grid as many as have the same number of weights."""
    conditioning: Literal["seed", "style"] = "seed"
    """What latent and label drive. `seed`: the seed map alone. `style`: two dense layers make a style of them, too,
    which multiplies every hidden field in front of a block's 3x3 convolution by a number of its own."""
    noise: Annotated[bool, AfterValidator(noise_that_keeps_a_law)] = False
    """A map of noise for every stage, which is added to each field with a strength that is learned, and 0 at first; its
    numbers are the last of the latent, and turn with the seed map. Not with a steerable latent, nor with a dense one of
    a group, which makes no claim that noise could keep."""

    tanh_leak: Annotated[float, Field(ge=0, lt=1)] = 0.02
    """Share of the gradient by the image that passes the last tanh, beside its own derivative, where it brings a pixel
    back towards the middle of its range: those that were driven out to where tanh has no derivative come back; 0: none.
    What is drawn is tanh's."""

    @property
    def upsamplings(self) -> int:
        """One in front of each stage but the first."""
        return len(self.widths) - 1


class ModernDiscriminatorSpec(AnyDiscriminatorSpec, Blocks):
    """The modern discriminator: image -> residual blocks without norms, between poolings -> one filter for each field.

    Raises:
        pydantic.ValidationError: an unknown key, a wrong type or an impossible value.

    Examples:
        >>> ModernDiscriminatorSpec(group=("D4", "C4", "C4")).widths
        (32, 64, 128)
    """

    architecture: Annotated[Literal["modern"], AfterValidator(suits_filters)] = "modern"
    """As the generator's."""
    widths: Widths = (32, 64, 128)
    """Channels of a plain CNN in every stage; each but the first begins with an antialiased pooling by 2."""
    global_pool: Literal["depthwise", "average", "sum"] = "depthwise"
    """How the last map becomes one pixel: by a learned filter for each field as large as the map, which has to be a
    square; or by its mean, or its sum."""
    minibatch_deviation: ComparedImages = 0
    """As that of the other discriminators."""
    initial_gradient: InitialGradient = 0.0
    """As that of the other discriminators."""

    @property
    def pooling(self) -> Literal["exact"]:
        """Sizes that a group can't take are refused."""
        return "exact"

    @property
    def group_pool(self) -> Literal["end"]:
        """Nothing plain comes behind it."""
        return "end"

    @property
    def plain_width(self) -> Literal[0]:
        """No plain convolution behind the group pooling."""
        return 0

    @property
    def embedding_norm(self) -> Literal[False]:
        """No spectral norm of the table of classes."""
        return False
