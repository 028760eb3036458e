"""Which spec belongs to which architecture, and which network is made of it."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from steergan.networks.discriminator import Discriminator
from steergan.networks.generator import Generator
from steergan.networks.modern_discriminator import ModernDiscriminator
from steergan.networks.modern_generator import ModernGenerator
from steergan.networks.modern_spec import ModernDiscriminatorSpec, ModernGeneratorSpec
from steergan.networks.spec import DiscriminatorSpec, GeneratorSpec

FIRST = "plain"
"""The architecture of a table that names none, as older recipes do."""


def with_architecture(table: Any) -> Any:
    """A table of settings that says which architecture it is of."""
    return {"architecture": FIRST, **table} if isinstance(table, Mapping) else table


AnyGenerator = Annotated[
    GeneratorSpec | ModernGeneratorSpec, Field(discriminator="architecture"), BeforeValidator(with_architecture)
]
"""The settings of a generator; the key `architecture` says which ones."""

AnyDiscriminator = Annotated[
    DiscriminatorSpec | ModernDiscriminatorSpec,
    Field(discriminator="architecture"),
    BeforeValidator(with_architecture),
]
"""The settings of a discriminator, likewise."""


def make_generator(
    spec: GeneratorSpec | ModernGeneratorSpec, image_shape: tuple[int, int, int], classes: int, *, disk: bool = False
) -> Generator:
    """The generator of a spec, see `Generator` and `ModernGenerator`.

    Args:
        spec: its settings.
        image_shape: (C, H, W) in pixels.
        classes: number of labels K.
        disk: the image is black outside its inscribed disk.

    Raises:
        SymmetryError: sizes or fields that don't suit the group.

    Examples:
        >>> spec = ModernGeneratorSpec(group="C4", widths=(8, 8))
        >>> type(make_generator(spec, (1, 8, 8), classes=3)).__name__
        'ModernGenerator'
    """
    if isinstance(spec, ModernGeneratorSpec):
        return ModernGenerator(spec, image_shape, classes, disk=disk)
    return Generator(spec, image_shape, classes, disk=disk)


def make_discriminator(
    spec: DiscriminatorSpec | ModernDiscriminatorSpec,
    image_shape: tuple[int, int, int],
    classes: int,
    *,
    disk: bool = False,
    rotations: int = 0,
) -> Discriminator:
    """The discriminator of a spec, see `Discriminator` and `ModernDiscriminator`.

    Args:
        spec: its settings.
        image_shape: (C, H, W) in pixels.
        classes: number of labels K.
        disk: it sees the inscribed disk of an image.
        rotations: answers of its head for rotations; 0: it has none.

    Raises:
        RecipeError: settings that contradict each other.
        SymmetryError: sizes or fields that don't suit the group.

    Examples:
        >>> spec = ModernDiscriminatorSpec(group="C4", widths=(8, 8))
        >>> type(make_discriminator(spec, (1, 8, 8), classes=3)).__name__
        'ModernDiscriminator'
    """
    if isinstance(spec, ModernDiscriminatorSpec):
        return ModernDiscriminator(spec, image_shape, classes, disk=disk, rotations=rotations)
    return Discriminator(spec, image_shape, classes, disk=disk, rotations=rotations)
