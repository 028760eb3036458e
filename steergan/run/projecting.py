"""The latent whose image is nearest to a given one, found by descent from several starts."""

from collections.abc import Sequence
from math import cos, pi
from typing import NamedTuple

import torch
from torch import Tensor

from steergan.copies import copied
from steergan.errors import RunError
from steergan.files import AnyPath
from steergan.layers import shared_filters
from steergan.networks import Generator
from steergan.pixels import to_uint8, to_unit
from steergan.progress import Progress, portion, unheard
from steergan.randomness import torch_stream
from steergan.run.load import LoadedRun, load_run
from steergan.run.sampling import checked_classes
from steergan.training import LatentLaw, draw_latents

RATE = 0.1
"""Adam's, at the beginning: coordinates of a latent are of size 1."""
SHORT = 8
"""All starts get an eighth of the steps, and the nearest of them all."""
KEPT = 8
"""Starts that are followed to the end."""
AT_ONCE = 32
"""Images that are computed together."""
MOST_CLASSES = 20
"""As many are all tried; of more, some have to be named."""


class Search(NamedTuple):
    """How a latent is looked for."""

    steps: int = 200
    """Of Adam."""
    starts: int = 4
    """For each class and group element: the mean latent, and seeded ones."""
    seed: int = 0


class Projection(NamedTuple):
    """What a generator can draw that is nearest to an image."""

    z: Tensor
    """(Z,) float32."""
    label: int
    element: int | None
    """Of the group, where the latent is symmetrized."""
    image: Tensor
    """What the generator draws of these, uint8 (C, H, W)."""
    error: float
    """Root mean square of its differences to the image over pixels, in gray levels from 0 to 255."""


class Points(NamedTuple):
    """Where a generator is asked for images."""

    z: Tensor
    """(N, Z) float32."""
    y: Tensor
    """(N,) int64 labels."""
    element: Tensor
    """(N,) int64; zeros where the generator takes none."""

    def at(self, rows: Tensor | slice) -> "Points":
        """Some of them."""
        return Points(self.z[rows], self.y[rows], self.element[rows])


def project(
    run: AnyPath | LoadedRun,
    images: Tensor,
    classes: Sequence[int] | None = None,
    search: Search | None = None,
    at: str | int = "last",
    progress: Progress = unheard,
    device: str = "cpu",
) -> list[Projection]:
    """The latents whose images are nearest to given ones, in pixels.

    For each class and, where the latent is symmetrized, each group element Adam begins at the mean latent and at some
    seeded ones; after an eighth of the steps the eight nearest of all these go on. A steerable latent holds the
    pose itself. Nothing keeps a latent near the law of latents: its root mean square, about 1 for samples, tells how
    far off it is.

    Args:
        run: a run folder, or what `load_run` gave; it is left as it is.
        images: uint8 (N, C, H, W), of the run's shape.
        classes: labels to try; None: all, if they are at most 20.
        search: steps, starts and seed.
        at: which of the run's networks, see `load_run`.
        progress: hears of images that were computed.
        device: where to compute.

    Raises:
        RunError: images of another shape, no such class, too many classes, or nothing trained in the folder.

    Source: Creswell and Bharath 2018, "Inverting the generator of a generative adversarial network".

    Examples:
        >>> run = load_run("runs/7")  # doctest: +SKIP
        >>> found = project(run, sample(run, [5], [3])[0])[0]  # doctest: +SKIP
        >>> found.label, found.error < 3  # doctest: +SKIP
        (3, True)
    """
    loaded, search = load_run(run, at), search or Search()
    if search.steps < 1 or search.starts < 1:
        raise RunError(f"{search.steps} steps from {search.starts} starts came; at least 1 of each was wanted")
    shape = loaded.generator.image_shape
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1:] != shape:
        came = f"{str(images.dtype).removeprefix('torch.')} {tuple(images.shape)}"
        raise RunError(f"images of {came} came; uint8 (N, {', '.join(map(str, shape))}) was wanted")
    generator = copied(loaded.generator).requires_grad_(False)
    starts = starting_points(generator, labels_to_try(generator, classes), search, loaded.recipe.generator.latent_law)
    generator, starts = generator.to(device), Points(*(part.to(device) for part in starts))
    work = effort(len(starts.z), search)
    with shared_filters(generator):
        return [
            nearest(generator, image, starts, search.steps, portion(progress, i * work, len(images) * work))
            for i, image in enumerate(images)
        ]


def labels_to_try(generator: Generator, classes: Sequence[int] | None) -> Sequence[int]:
    """The labels, or all of them if they are few.

    Raises:
        RunError: no such class, or all of many.
    """
    if classes is not None and len(classes):
        return checked_classes(generator, classes)
    if classes is not None or generator.classes > MOST_CLASSES:
        raise RunError(
            f"{generator.classes} classes are there; up to {MOST_CLASSES} are all tried, else name some with --classes"
        )
    return range(generator.classes)


def starting_points(generator: Generator, labels: Sequence[int], search: Search, law: LatentLaw) -> Points:
    """The mean latent and seeded ones, for each label and element."""
    draw = torch_stream(search.seed, "projection")
    drawn = draw_latents(generator, search.starts - 1, draw, law=law).z
    z = torch.cat([torch.zeros(1, generator.z_dim), drawn])
    y, element, start = torch.cartesian_prod(
        torch.tensor(labels), torch.arange(max(1, generator.elements)), torch.arange(search.starts)
    ).unbind(1)
    return Points(z[start], y, element)


def short_steps(steps: int) -> int:
    """What every start gets."""
    return max(1, steps // SHORT)


def effort(starts: int, search: Search) -> int:
    """Images that are computed for one projection."""
    return starts * (short_steps(search.steps) + 1) + min(KEPT, starts) * (search.steps + 1)


def nearest(generator: Generator, image: Tensor, starts: Points, steps: int, progress: Progress) -> Projection:
    """The projection of one image, uint8 (C, H, W); filters are shared, and weights frozen."""
    target = to_unit(image.to(starts.z.device))
    if generator.disk_HW.numel():  # as the run's own images are
        target = (target + 1) * generator.disk_HW - 1
    total = effort(len(starts.z), Search(steps))
    found, distance = followed(generator, target, starts, short_steps(steps), portion(progress, 0, total))
    found = found.at(distance.argsort(stable=True)[:KEPT])
    first = len(starts.z) * (short_steps(steps) + 1)
    found, distance = followed(generator, target, found, steps, portion(progress, first, total))
    best = found.at(distance.argmin()[None])
    drawn = to_uint8(images_at(generator, best))[0].cpu()
    wanted = to_uint8(target).cpu()
    error = float((drawn.double() - wanted.double()).square().mean().sqrt())
    element = int(best.element) if generator.elements else None
    return Projection(best.z[0].cpu(), int(best.y), element, drawn, error)


def followed(
    generator: Generator, target: Tensor, starts: Points, steps: int, progress: Progress
) -> tuple[Points, Tensor]:
    """Where Adam leads to from each start, and how far from the target that is: points, and (N,)."""
    count = len(starts.z)
    parts = []
    for begin in range(0, count, AT_ONCE):
        some = starts.at(slice(begin, begin + AT_ONCE))
        heard = portion(progress, begin * (steps + 1), count * (steps + 1))
        parts.append(descent(generator, target, some, steps, heard))
    z, distance = (torch.cat(part) for part in zip(*parts, strict=True))
    return starts._replace(z=z), distance


def descent(
    generator: Generator, target: Tensor, starts: Points, steps: int, progress: Progress
) -> tuple[Tensor, Tensor]:
    """The nearest latents on the way of each start by itself, (N, Z), and their mean squared differences, (N,)."""
    z = starts.z.clone().requires_grad_()
    adam = torch.optim.Adam([z], lr=RATE)
    best, least = starts.z, torch.full([len(z)], torch.inf, device=z.device)
    for step in range(steps + 1):
        distance = (images_at(generator, starts._replace(z=z)) - target).square().mean(dim=(1, 2, 3))
        nearer = distance.detach() < least
        best = torch.where(nearer[:, None], z.detach(), best)
        least = torch.where(nearer, distance.detach(), least)
        progress((step + 1) * len(z), (steps + 1) * len(z))
        (z.grad,) = torch.autograd.grad(distance.sum(), z)
        adam.param_groups[0]["lr"] = RATE * (1 + cos(pi * step / steps)) / 2
        adam.step()
    return best, least


def images_at(generator: Generator, points: Points) -> Tensor:
    """(N, C, H, W) in [-1, 1]."""
    drawn: Tensor = generator(points.z, points.y, points.element if generator.elements else None)
    return drawn
