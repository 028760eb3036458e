"""Whole networks made of layers."""

from steergan.networks.discriminator import Discriminator
from steergan.networks.generator import Generator

__all__ = ["Discriminator", "Generator"]
