"""Small networks with weights that are always the same, and ways to look at their symmetry."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from escnn.nn import FieldType
from torch import Tensor

from steergan.layers.spectral_norm import SpectralNorm
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.verification import Certificate, verify

GRID_GROUPS = ["trivial", "C2", "C4", "D1", "D2", "D4"]
OFF_GRID = ["C8", "C16", "D8", "SO2", "O2"]
ARCHITECTURES = ["plain", "residual"]
QUICK = ("evaluation",)
SIDE = 20
"""Pixels of the images whose groups are off the grid; their seed maps have 5, as their filters do."""

GENERATOR = {"latent": "dense", "z_dim": 30, "embedding_dim": 4, "seed_width": 12, "widths": (12, 8)}
DISCRIMINATOR = {"widths": (12, 12, 8)}


def generator_spec(**settings: object) -> GeneratorSpec:
    """`GENERATOR` with other settings."""
    return GeneratorSpec.model_validate(GENERATOR | settings)


def discriminator_spec(**settings: object) -> DiscriminatorSpec:
    """`DISCRIMINATOR` with other settings."""
    return DiscriminatorSpec.model_validate(DISCRIMINATOR | settings)


def generator_of(
    spec: GeneratorSpec, shape: tuple[int, int, int] = (1, SIDE, SIDE), classes: int = 3, disk: bool = False
) -> Generator:
    """A generator in float64 and evaluation mode."""
    torch.manual_seed(0)
    return Generator(spec, shape, classes, disk=disk).double().eval()


def discriminator_of(
    spec: DiscriminatorSpec,
    shape: tuple[int, int, int] = (1, SIDE, SIDE),
    classes: int = 3,
    disk: bool = False,
    rotations: int = 0,
) -> Discriminator:
    """A discriminator in float64 and evaluation mode."""
    torch.manual_seed(0)
    return Discriminator(spec, shape, classes, disk=disk, rotations=rotations).double().eval()


def latents(generator: Generator, count: int = 2) -> tuple[Tensor, Tensor]:
    """Latents (count, Z) in float64 and labels (count,)."""
    stream = torch.Generator().manual_seed(1)
    z = torch.randn(count, generator.z_dim, generator=stream, dtype=torch.float64)
    return z, torch.arange(count) % generator.classes


def images_for(discriminator: Discriminator, count: int = 8) -> tuple[Tensor, Tensor]:
    """Noise (count, C, H, W) in float64 and labels (count,)."""
    stream = torch.Generator().manual_seed(2)
    images = torch.randn(count, *discriminator.image_shape, generator=stream, dtype=torch.float64)
    return images, torch.arange(count) % discriminator.classes


def difference(a: Tensor, b: Tensor) -> float:
    """The largest one, relative to the spread of b."""
    return float((a - b).abs().max() / b.std())


def invariance(
    discriminator: Discriminator, image_type: FieldType | None = None, modes: tuple[str, ...] = QUICK
) -> Certificate:
    """The certificate of f(g image, y) = f(image, y), at the size of the images."""
    return verify(
        discriminator.float(),
        [discriminator.image_shape[1:]],
        "invariant",
        in_type=image_type or discriminator.trunk.in_type,
        others=(torch.tensor([0, 2]),),
        call=lambda module, image, others: module(image, *others),
        modes=modes,
        off_grid=False,
    )


@contextmanager
def quickly_built() -> Iterator[None]:
    """Inside, layers begin with small normal weights, their norms unconverged: for wide networks' structure alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.init, "orthogonal_", lambda weight: torch.nn.init.normal_(weight, std=0.01))
        patch.setattr(SpectralNorm, "converge", lambda *_: None)
        yield
