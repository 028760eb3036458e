"""Whole networks made of layers: a spec, and what is built from it."""

from steergan.extras import needed_by
from steergan.symmetrized import Symmetrized, symmetrize

with needed_by("steergan.networks"):
    from steergan.networks.architectures import (
        AnyDiscriminator,
        AnyGenerator,
        make_discriminator,
        make_generator,
    )
    from steergan.networks.discriminator import Discriminator
    from steergan.networks.generator import Generator
    from steergan.networks.modern_discriminator import ModernDiscriminator
    from steergan.networks.modern_generator import ModernGenerator
    from steergan.networks.modern_spec import ModernDiscriminatorSpec, ModernGeneratorSpec
    from steergan.networks.patch_discriminator import PatchDiscriminator
    from steergan.networks.spec import DiscriminatorSpec, GeneratorSpec
    from steergan.networks.translation_spec import PatchDiscriminatorSpec, UNetSpec
    from steergan.networks.unet import UNet

__all__ = [
    "AnyDiscriminator",
    "AnyGenerator",
    "Discriminator",
    "DiscriminatorSpec",
    "Generator",
    "GeneratorSpec",
    "ModernDiscriminator",
    "ModernDiscriminatorSpec",
    "ModernGenerator",
    "ModernGeneratorSpec",
    "PatchDiscriminator",
    "PatchDiscriminatorSpec",
    "Symmetrized",
    "UNet",
    "UNetSpec",
    "make_discriminator",
    "make_generator",
    "symmetrize",
]
