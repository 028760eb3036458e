"""Relative stability: how strongly a network answers small smooth deformations, beside noise of the same norm."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from steergan.augmentation.resampling import looked_up, refined
from steergan.errors import DataError
from steergan.progress import Progress, unheard
from steergan.randomness import torch_stream

BATCH = 100
"""Images that a network sees together."""

Responses = Callable[[Tensor, Tensor], Mapping[str, Tensor]]
"""Images (B, C, H, W) and labels (B,) int64 -> what each block puts out, by its name, each (B, ...)."""


@dataclass(frozen=True)
class Deformation:
    """The law of displacement fields.

    Both components are sums of sin(i pi x) sin(j pi y) over i^2 + j^2 <= cutoff^2 with normal coefficients of variance
    in proportion to 1 / (i^2 + j^2): of all smooth fields that leave the frame where it is, those of most entropy at
    their energy.

    Attributes:
        pixels: root mean square length of a displacement over the square that the image covers, whose frame stays; over
            the pixels of an image of N x N it is (N - 1) / N of that. None: one pixel, or less where images are so
            small that this would fold them.
        cutoff: c, of frequencies in half waves along a side, from 2 on.

    Raises:
        DataError: another cutoff.

    Source: Petrini et al. 2021, "Relative stability toward diffeomorphisms indicates performance in deep nets",
        section 2 and appendix: one pixel, c = 3.
    Differs: the amplitude is that of the sum itself, which log c stands for there and misses at so small a cutoff;
        images between their pixels are interpolated at twice the resolution, so that lookups blur less.

    Examples:
        >>> from steergan.metrics import Deformation
        >>> law = Deformation()
        >>> law.amplitude((28, 28)), round(law.amplitude((8, 8)), 2)
        (1.0, 0.65)
    """

    pixels: float | None = None
    cutoff: int = 3

    def __post_init__(self) -> None:
        if self.cutoff < 2:
            raise DataError(f"cutoff {self.cutoff}: half waves along a side, a whole number from 2 on was wanted")

    def amplitude(self, size: tuple[int, int]) -> float:
        """The root mean square length in pixels, for images of (H, W).

        Raises:
            DataError: so large a displacement would fold such images.
        """
        most = self.largest(min(size))
        if self.pixels is None:
            return min(1.0, most)
        if not 0 < self.pixels <= most:
            height, width = size
            raise DataError(
                f"displacements of {self.pixels:g} pixels came; above 0 and up to {most:.2g} was wanted, beyond which "
                f"images of {height} x {width} pixels fold"
            )
        return self.pixels

    def largest(self, side: int) -> float:
        """The root mean square length at which fields typically stop to be one to one, in pixels.

        Source: Petrini et al. 2021, section 2: T < 4 / (pi^3 c^2 log c).
        """
        hottest = 4 / (math.pi**3 * self.cutoff**2 * math.log(self.cutoff))
        return side * math.sqrt(hottest / 2 * float(self.powers().sum()))

    def powers(self) -> Tensor:
        """The variance of each coefficient at temperature 1, (c, c)."""
        number = torch.arange(1, self.cutoff + 1, dtype=torch.float64)
        squared = number[:, None].square() + number.square()
        return torch.where(squared <= self.cutoff**2, 1 / squared, 0.0)

    def draw(self, count: int, size: tuple[int, int], draw: torch.Generator) -> Tensor:
        """Fields (N, 2, H, W) float64 of displacements in pixels, down and to the right.

        Raises:
            DataError: they would fold such images.
        """
        powers = self.powers()
        waves = [torch.sin(math.pi * line[:, None] * torch.arange(1, self.cutoff + 1)) for line in map(unit, size)]
        shape = (count, 2, self.cutoff, self.cutoff)
        coefficient = torch.randn(shape, generator=draw, dtype=torch.float64) * powers.sqrt()
        # The mean of sin^2 is 1 / 2 on each axis, and there are two components.
        scale = self.amplitude(size) / math.sqrt(float(powers.sum()) / 2)
        return scale * (waves[0] @ coefficient @ waves[1].T)


def unit(size: int) -> Tensor:
    """Pixels from one end of a side, 0, to the other, 1."""
    return torch.linspace(0, 1, size, dtype=torch.float64)


def deformed(image: Tensor, displacement: Tensor) -> Tensor:
    """Images whose pixels have moved: (tau x)(s) = x(s - tau(s)).

    Args:
        image: (B, C, H, W).
        displacement: (B, 2, H, W) in pixels, down and to the right.
    """
    height, width = image.shape[2:]
    fine = refined(image)
    down, right = displacement.to(image.dtype).unbind(1)
    row, column = (torch.arange(size, dtype=image.dtype, device=image.device) for size in (height, width))
    return looked_up(fine, 2 * (row[:, None] - down), 2 * (column - right))


@dataclass(frozen=True)
class Stability:
    """What a block makes of deformations and of noise.

    Examples:
        >>> from steergan.metrics import Stability
        >>> found = Stability("block 1", deformation=0.02, noise=0.04, relative=0.5, spread=0.01)
        >>> f"{found.block}: R = {found.relative} +- {found.spread}"
        'block 1: R = 0.5 +- 0.01'
    """

    block: str
    deformation: float
    """D = E ||f(tau x) - f(x)||^2 / E ||f(x) - f(z)||^2, z another image."""
    noise: float
    """G = E ||f(x + eta) - f(x)||^2 / E ||f(x) - f(z)||^2, where ||eta|| = ||tau x - x||, its direction uniform."""
    relative: float
    """R = D / G: below 1 the block follows deformations less than noise; of an isometry it is 1."""
    spread: float
    """Standard deviation of R between repetitions, with the same images and new fields and noise."""


def relative_stability(
    responses: Responses,
    images: Tensor,
    labels: Tensor | None = None,
    *,
    law: Deformation = Deformation(),
    repeats: int = 4,
    seed: int = 0,
    progress: Progress = unheard,
) -> list[Stability]:
    """Relative stability of each block of a network, over images, fields and noise.

    Args:
        responses: of the network in evaluation mode; `responses_of` makes it for any module.
        images: (N, C, H, W) on the network's device, N at least 2.
        labels: (N,) int64, for a network that takes them; None: zeros.
        law: of displacement fields.
        repeats: fields and noises of each image, at least 2.
        seed: of both.
        progress: hears of batches.

    Raises:
        DataError: fewer than two images, or displacements that would fold them.

    Source: Petrini et al. 2021, equations 6 to 8.
    Differs: means over images, where the source may take medians; each image's noise has the norm of its own
        displacement's effect.

    Examples:
        >>> import torch
        >>> from steergan.metrics import relative_stability, responses_of
        >>> images = torch.randn(20, 1, 16, 16, generator=torch.Generator().manual_seed(0))
        >>> [whole] = relative_stability(responses_of(torch.nn.Identity(), {"pixels": ""}), images)
        >>> round(whole.relative, 5)
        1.0
    """
    if len(images) < 2:
        raise DataError(f"{len(images)} images came; relative stability compares at least two")
    size = (images.shape[2], images.shape[3])
    labels = torch.zeros(len(images), dtype=torch.int64, device=images.device) if labels is None else labels
    sums: dict[str, Sums] = {}
    for number, start in enumerate(range(0, len(images), BATCH)):
        x, y = images[start : start + BATCH], labels[start : start + BATCH]
        before = measured(responses, x, y)
        for name, value in before.items():
            sums.setdefault(name, Sums(repeats)).add(value)
        for repeat in range(repeats):
            draw = torch_stream(seed, f"deformations/{repeat}", number)
            moved = deformed(x, law.draw(len(x), size, draw).to(x.device))
            norm_B = (moved - x).flatten(1).norm(dim=1)
            noise = torch.randn(x.shape, generator=draw).to(x)
            noise = noise * (norm_B / noise.flatten(1).norm(dim=1))[:, None, None, None]
            for kind, other in enumerate((moved, x + noise)):
                for name, value in measured(responses, other, y).items():
                    sums[name].changes[kind, repeat] += float((value - before[name]).square().sum())
        progress(min(start + BATCH, len(images)), len(images))
    return [found.stability(name) for name, found in sums.items()]


@torch.no_grad()
def measured(responses: Responses, image: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Responses as float64 (B, D)."""
    return {name: value.reshape(len(value), -1).double() for name, value in responses(image, labels).items()}


class Sums:
    """Running sums of one block's responses.

    Args:
        repeats: of fields and noise.
    """

    def __init__(self, repeats: int) -> None:
        self.count, self.squares, self.total = 0, 0.0, torch.zeros(())
        self.changes = torch.zeros(2, repeats, dtype=torch.float64)
        """Of deformations and of noise, squared, by repetition."""

    def add(self, value: Tensor) -> None:
        """Take in the responses (B, D) to images as they are."""
        self.count += len(value)
        self.squares += float(value.square().sum())
        self.total = self.total.to(value) + value.sum(0)

    def stability(self, name: str) -> Stability:
        """What the sums come to."""
        variance = (self.squares - float(self.total.square().sum()) / self.count) / (self.count - 1)
        deformation, noise = (self.changes.mean(1) / self.count).tolist()
        each = self.changes[0] / self.changes[1]
        # Two images that are drawn independently lie two variances apart.
        apart = 2 * variance if variance > 0 else math.nan
        return Stability(
            name, deformation / apart, noise / apart, deformation / noise if noise else math.nan, float(each.std())
        )


def responses_of(module: nn.Module, blocks: Mapping[str, str] | Sequence[str]) -> Responses:
    """What some blocks of a module put out: plain or geometric tensors.

    Args:
        module: takes images; in evaluation mode, if it has another.
        blocks: names of modules in it, as `named_modules` gives them, or names by what they are to be called; the
            module itself is `""`.

    Raises:
        DataError: there is no such block.

    Examples:
        >>> import torch
        >>> from steergan.metrics import responses_of
        >>> net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten())
        >>> found = responses_of(net, ["0", "2"])(torch.zeros(5, 1, 4, 4), torch.zeros(5))
        >>> {name: tuple(value.shape) for name, value in found.items()}
        {'0': (5, 2, 2, 2), '2': (5, 8)}
    """
    named = dict(blocks) if isinstance(blocks, Mapping) else {name: name for name in blocks}

    def respond(image: Tensor, labels: Tensor) -> dict[str, Tensor]:
        with recorded(module, named) as found:
            module(image)
        return found

    return respond


@contextmanager
def recorded(module: nn.Module, blocks: Mapping[str, str]) -> Iterator[dict[str, Tensor]]:
    """What blocks put out while this is open, in their order.

    Args:
        module: has them.
        blocks: names of modules in it by what they are to be called.

    Raises:
        DataError: there is no such block.
    """
    modules, found = dict(module.named_modules()), dict[str, Tensor]()
    missing = [name for name in blocks.values() if name not in modules]
    if missing:
        raise DataError(f"{type(module).__name__} has no block {missing[0]!r}; it has {', '.join(list(modules)[1:9])}")

    def keep(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, __: object, output: object) -> None:
            found[name] = output if isinstance(output, Tensor) else output.tensor  # type: ignore[attr-defined]

        return hook

    handles = [modules[path].register_forward_hook(keep(name)) for name, path in blocks.items()]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
