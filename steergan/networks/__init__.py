"""Whole networks made of layers: a spec, and what is built from it."""

from steergan.extras import needed_by

with needed_by("steergan.networks"):
    from steergan.networks.discriminator import Discriminator
    from steergan.networks.generator import Generator
    from steergan.networks.patch_discriminator import PatchDiscriminator
    from steergan.networks.spec import DiscriminatorSpec, GeneratorSpec
    from steergan.networks.symmetrized import Symmetrized, symmetrize
    from steergan.networks.translation_spec import PatchDiscriminatorSpec, UNetSpec
    from steergan.networks.unet import UNet

__all__ = [
    "Discriminator",
    "DiscriminatorSpec",
    "Generator",
    "GeneratorSpec",
    "PatchDiscriminator",
    "PatchDiscriminatorSpec",
    "Symmetrized",
    "UNet",
    "UNetSpec",
    "symmetrize",
]
