"""Scattering features: how strong every scale and orientation is in an image, and how that strength varies in turn."""

import hashlib
import json
from functools import lru_cache
from math import gcd, pi
from typing import NamedTuple

import torch
from torch import Tensor
from torch.fft import fft2, fftfreq, ifft2

from steergan.metrics.features import Features
from steergan.pixels import to_unit

SCALES = 3
"""J: waves of 2.7, 5.3 and 10.7 pixels."""
ANGLES = 8
"""L, in half a turn."""
WIDTH, FREQUENCY, SLANT = 0.8, 3 * pi / 4, 4 / ANGLES
"""Of the smallest wavelet: its envelope's deviation in pixels along the wave, its frequency in radians a pixel, and how
much longer than that the envelope is across the wave (1 / SLANT times)."""
GRAY = 2 / 255
"""A level of 8 bits. Amplitudes below it count by their size, those above it by their logarithm."""
PADDING = 2**SCALES
ALIASES = range(-2, 3)
"""Copies of a spectrum that are folded into one; others are below 1e-20."""
AT_ONCE = 2**22
"""Complex numbers that are held at once, about."""
DEFINITION = {"version": 1, "scales": SCALES, "angles": ANGLES, "width": WIDTH, "frequency": FREQUENCY, "gray": GRAY}


class Amplitudes(NamedTuple):
    """Mean amplitudes over an image."""

    mean: Tensor
    """(N,): of the pixels."""
    first: Tensor
    """(N, J, L): of what wavelets of each scale and angle make of it."""
    second: Tensor
    """(N, J (J - 1) / 2, L, L): of what a larger wavelet makes of such an amplitude; scales (0, 1), (0, 2), (1, 2)."""


class ScatteringExtractor:
    """Mean amplitudes of two orders of Morlet wavelets: a metric of textures, with no weights and nothing to train.

    Three scales and eight angles; of colours, their mean and their differences (a cosine transform of the channels).
    Whatever is larger than a dozen pixels, shapes and layouts, it does not see: two sets may agree in all of it and
    look unlike. Images are mirrored at their borders.

    Args:
        device: where it works.

    Shapes:
        uint8 (B, C, H, W) -> invariant (B, 19 C) and equivariant (B, 217 C) float32.

    Symmetry: under D4 the equivariant features are permuted, and the invariant ones, which are means over the angles,
    stay; exact up to rounding. Under other rotations both are so up to the pixels'.

    Source: Bruna and Mallat 2013 (two orders); Sifre and Mallat 2013 (means over joint rotations of both angles).

    Differs: means over the whole image in place of local ones; a logarithm of amplitudes.

    Examples:
        >>> import torch
        >>> from steergan.metrics import ScatteringExtractor
        >>> found = ScatteringExtractor()(torch.zeros(5, 3, 16, 16, dtype=torch.uint8))
        >>> found.invariant.shape, found.equivariant.shape
        (torch.Size([5, 57]), torch.Size([5, 651]))
    """

    name = "scattering"
    sha256 = hashlib.sha256(json.dumps(DEFINITION, sort_keys=True).encode()).hexdigest()

    def __init__(self, device: str | torch.device = "cpu") -> None:
        self.device = torch.device(device)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Features[Tensor]:
        """uint8 images (B, C, H, W) -> features of each of their opponent colours, one after the other."""
        batch = len(images)
        planes = opponents(to_unit(images.to(self.device))).flatten(0, 1)
        size = padded(images.shape[2]) * padded(images.shape[3]) * ANGLES**2
        parts = [amplitudes(part) for part in planes.split(max(1, AT_ONCE // size))]
        found = Amplitudes(*(torch.cat(of) for of in zip(*parts, strict=True)))
        return Features(invariant(found).view(batch, -1), equivariant(found).view(batch, -1))


def equivariant(found: Amplitudes) -> Tensor:
    """Features that see orientation (N, 217)."""
    return torch.cat([found.mean[:, None], level(found.first.flatten(1)), level(found.second.flatten(1))], 1)


def invariant(found: Amplitudes) -> Tensor:
    """Features that don't see orientation (N, 19): means over the angle, and over both at each angle between them."""
    between = torch.stack([second_at(found.second, turn).mean(-1) for turn in range(ANGLES // 2 + 1)], -1)
    return torch.cat([found.mean[:, None], level(found.first.mean(-1)), level(between.flatten(1))], 1)


def second_at(second: Tensor, turn: int) -> Tensor:
    """Second amplitudes (N, P, L, L) whose angles are `turn` apart, either way, for each first angle: (N, P, L)."""
    here = torch.arange(ANGLES)
    return (second[..., here, (here + turn) % ANGLES] + second[..., here, (here - turn) % ANGLES]) / 2


def level(amplitude: Tensor) -> Tensor:
    """An amplitude as a feature, from zero on."""
    return torch.log1p(amplitude / GRAY)


def opponents(image: Tensor) -> Tensor:
    """The orthonormal cosine transform of the channels (B, C, H, W): of RGB brightness, red - blue, and green."""
    count = image.shape[1]
    place = torch.arange(count, dtype=torch.float64)
    table = torch.cos(pi / count * (place + 0.5) * place[:, None])
    table /= table.norm(dim=1, keepdim=True)
    return torch.einsum("dc,bchw->bdhw", table.to(image), image)


def amplitudes(plane: Tensor) -> Amplitudes:
    """Of single channels (N, H, W)."""
    wide = mirrored(mirrored(plane, 1), 2)
    height, width = wide.shape[1:]
    strides = [gcd(2**scale, height, width) for scale in range(SCALES)]
    margins = [(height - plane.shape[1]) // 2, (width - plane.shape[2]) // 2]

    def inner(maps: Tensor, stride: int) -> Tensor:
        """The mean over what is not padding."""
        top, left = (margin // stride for margin in margins)
        return maps[..., top : maps.shape[-2] - top, left : maps.shape[-1] - left].mean(dim=(-2, -1))

    spectrum, first, second = fft2(wide), [], []
    for scale, stride in enumerate(strides):
        amplitude = through(spectrum, wavelets((height, width), 2.0**scale, stride, plane.dtype))
        first.append(inner(amplitude, stride))
        if scale == SCALES - 1:
            break
        inside = fft2(amplitude)
        for larger in range(scale + 1, SCALES):
            size, step = (height // stride, width // stride), strides[larger] // stride
            again = through(inside, wavelets(size, 2.0**larger / stride, step, plane.dtype))
            second.append(inner(again, strides[larger]))
    return Amplitudes(plane.mean(dim=(1, 2)), torch.stack(first, 1), torch.stack(second, 1))


def mirrored(maps: Tensor, dim: int) -> Tensor:
    """Maps with so many mirrored pixels on both sides of an axis that they can be thinned out about their centre."""
    side = maps.shape[dim]
    margin = (padded(side) - side) // 2
    place = torch.arange(-margin, side + margin) % (2 * side)
    return maps.index_select(dim, torch.minimum(place, 2 * side - 1 - place).to(maps.device))


def padded(side: int) -> int:
    """Pixels of a side with its mirrored ones: of an even one a multiple of 4."""
    return side + 2 * (PADDING + (1 if side % 4 == 2 else 0))


def through(spectrum: Tensor, bank: "Bank") -> Tensor:
    """Amplitudes (..., L, h, w) behind wavelets, at every place that is wanted, of maps with a spectrum (..., H, W)."""
    height, width = (side // bank.stride for side in spectrum.shape[-2:])
    found = torch.bmm(in_aliases(spectrum, bank.stride), bank.factors.to(spectrum.device))
    return ifft2(found.permute(1, 2, 0).reshape(*spectrum.shape[:-2], ANGLES, height, width)).abs()


def in_aliases(spectrum: Tensor, stride: int) -> Tensor:
    """A spectrum (..., H, W) as (h w, ..., copies): those copies are one frequency to each `stride`-th place."""
    height, width = (side // stride for side in spectrum.shape[-2:])
    parts = spectrum.unflatten(-1, (stride, width)).unflatten(-3, (stride, height))
    return parts.movedim((-3, -1), (0, 1)).reshape(height * width, -1, stride**2)


class Bank(NamedTuple):
    """Wavelets at all angles, ready for the spectra of maps."""

    factors: Tensor
    """(h w, copies, L), complex: of `in_aliases`."""
    stride: int
    """Between the places at which their maps are wanted."""


@lru_cache(maxsize=32)
def wavelets(size: tuple[int, int], scale: float, stride: int, dtype: torch.dtype) -> Bank:
    """Morlet wavelets of a scale at all angles, as factors of the spectrum of periodic maps.

    What they give, each `stride`-th place, lies symmetrically about the maps' centre, so that turning a map turns it.

    Args:
        size: (H, W) of the maps, in pixels.
        scale: of the wavelet, in pixels of the smallest one.
        stride: pixels from one place to the next; divides the sides.
        dtype: real; the spectra's is the complex one that belongs to it.
    """
    offset = (stride - 1) / 2
    rows, columns = (2 * pi * fftfreq(side, dtype=torch.float64) for side in size)
    spectra = []
    for angle in range(ANGLES):
        direction = torch.tensor(pi * angle / ANGLES, dtype=torch.float64)
        wave, still = (torch.zeros(size, dtype=torch.complex128) for _ in range(2))
        for row_copy in ALIASES:
            for column_copy in ALIASES:
                y, x = rows[:, None] + 2 * pi * row_copy, columns + 2 * pi * column_copy
                along, across = x * direction.cos() - y * direction.sin(), x * direction.sin() + y * direction.cos()
                moved = torch.polar(torch.ones_like(along), offset * (x + y))
                wave += envelope(along - FREQUENCY / scale, across, scale) * moved
                still += envelope(along, across, scale) * moved
        spectra.append(wave - wave[0, 0] / still[0, 0] * still)
    factors = in_aliases(torch.stack(spectra), stride).transpose(1, 2) / stride**2
    return Bank(factors.to(torch.promote_types(dtype, torch.complex32)).contiguous(), stride)


def envelope(along: Tensor, across: Tensor, scale: float) -> Tensor:
    """The spectrum of a Gaussian of unit sum, at frequencies in radians a pixel."""
    return torch.exp(-((WIDTH * scale) ** 2) / 2 * (along**2 + (across / SLANT) ** 2))
