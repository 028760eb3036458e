"""Whole networks made of layers: a spec, and what is built from it."""

from steergan.extras import needed_by

with needed_by("steergan.networks"):
    from steergan.networks.discriminator import Discriminator
    from steergan.networks.generator import Generator
    from steergan.networks.spec import DiscriminatorSpec, GeneratorSpec
    from steergan.networks.symmetrized import Symmetrized, symmetrize

__all__ = ["Discriminator", "DiscriminatorSpec", "Generator", "GeneratorSpec", "Symmetrized", "symmetrize"]
