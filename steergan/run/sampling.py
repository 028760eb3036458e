"""Images from a trained run: single samples and interpolations."""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from steergan.errors import RunError
from steergan.files import AnyPath
from steergan.layers import shared_filters
from steergan.networks import Generator
from steergan.pixels import to_uint8
from steergan.randomness import torch_stream
from steergan.run.load import LoadedRun, load_run
from steergan.symmetry import is_continuous, plane_matrices
from steergan.training import LatentLaw, Latents, draw_latents


class Pose(NamedTuple):
    """How a latent lies: reflected left and right, then turned counterclockwise."""

    degrees: float
    reflected: bool = False


UPRIGHT = Pose(0.0)


def sample(
    run: AnyPath | LoadedRun,
    seeds: Sequence[int],
    classes: Sequence[int] | None = None,
    truncation: float = 1.0,
    poses: Sequence[Pose] | None = None,
    at: str | int = "last",
    batch: int = 1,
) -> Tensor:
    """One image per class and seed, or per class, seed and pose, from the averaged generator.

    Latents are drawn here, and group elements, if the latent is symmetrized, so that the law of the images is the one
    that the certificate speaks of.

    Args:
        run: a run folder, or what `load_run` gave, which saves loading it again for each call.
        seeds: each names a latent (and a group element, if the latent is symmetrized), the same for every class.
        classes: labels; None for all.
        truncation: factor on z; below 1 trades variety for typical images. Source: Dey et al. 2021, Figure 11 (0.75).
        poses: in which a steerable latent is put.
        at: which of the run's networks, see `load_run`.
        batch: images that are computed at once, on the device where the generator is.

    Returns:
        uint8 (classes, seeds, C, H, W), with poses (classes, seeds, poses, C, H, W). An image depends on its class,
        seed and pose alone, not on what else was asked for: with `batch = 1` to the last bit, else to rounding, and
        in a fraction of the time.

    Raises:
        RunError: no such class or snapshot, or nothing trained in the folder; no images at once.
        SymmetryError: poses of a latent that is not steerable, or that the group does not have.

    Examples:
        >>> run = load_run("runs/7")  # doctest: +SKIP
        >>> sample(run, range(1000), classes=[3], truncation=0.75, batch=64).shape  # doctest: +SKIP
        torch.Size([1, 1000, 1, 28, 28])
    """
    if batch < 1:
        raise RunError(f"batch = {batch}: at least one image at once is wanted")
    loaded = load_run(run, at)
    generator, law = loaded.generator, loaded.recipe.generator.latent_law
    labels = range(generator.classes) if classes is None else checked_classes(generator, classes)
    wanted = [(seed, label, pose) for label in labels for seed in seeds for pose in poses or (UPRIGHT,)]
    images = images_of(generator, wanted, law, truncation, batch)
    shape = (len(labels), len(seeds)) if poses is None else (len(labels), len(seeds), len(poses))
    return images.unflatten(0, shape)


def interpolate(
    run: AnyPath | LoadedRun,
    seeds: tuple[int, int] = (0, 1),
    images: int = 10,
    at: str | int = "last",
    *,
    pairs: Sequence[tuple[int, int]] | None = None,
    labels: Literal["linear", "spherical"] = "linear",
) -> Tensor:
    """The paper's Figure 3: rows of images between two latents of one class, and between classes at one latent.

    Args:
        run: a run folder, or what `load_run` gave.
        seeds: the two ends of the latent rows; the label rows use the first.
        images: per row.
        at: which of the run's networks, see `load_run`.
        pairs: classes between whose embeddings the label rows go; None: every class and the next one, the last and
            class 0.
        labels: a straight line between two embeddings, or a great circle on which the length goes over evenly, too.

    Returns:
        uint8 (rows, images, C, H, W): first a row for every class, spherical between the latents; then one for every
        pair, between its embeddings. With a steerable latent a third time a row for every class: the first latent
        turned through the group, see `orbit`. The classes are those of the pairs, as they come; without pairs all K.

    Raises:
        RunError: no such class.

    Source: Dey et al. 2021, Figure 3 (spherical between latents: White 2016; between labels spherical in 3a, linear in
        3b).
    """
    loaded = load_run(run, at)
    generator, law = loaded.generator, loaded.recipe.generator.latent_law
    (start,), element = latent(generator, seeds[0], law)
    (end,), _ = latent(generator, seeds[1], law)
    fractions = torch.linspace(0, 1, images).tolist()
    ends = label_pairs(generator, pairs)
    between: Callable[[Tensor, Tensor, float], Tensor] = along_circle if labels == "spherical" else torch.lerp
    rows = []
    with torch.inference_mode(), shared_filters(generator):
        embedded = generator.embedding.weight
        own = [embedded[label] for label in dict.fromkeys(label for pair in ends for label in pair)]
        for e in own:
            path = [torch.cat([spherical(start, end, t), e]) for t in fractions]
            rows.append(decode_each(generator, path, element))
        for first, last in ends:
            path = [torch.cat([start, between(embedded[first], embedded[last], t)]) for t in fractions]
            rows.append(decode_each(generator, path, element))
        if generator.latent_type is not None:
            poses = [generator.turned(start[None], angle)[0] for angle in orbit(generator, images)]
            rows += [decode_each(generator, [torch.cat([z, e]) for z in poses], None) for e in own]
    return torch.stack(rows)


def label_pairs(generator: Generator, pairs: Sequence[tuple[int, int]] | None) -> Sequence[tuple[int, int]]:
    """The pairs, of classes that the generator knows; None: every class and the next one."""
    if pairs is None:
        return [(label, (label + 1) % generator.classes) for label in range(generator.classes)]
    checked_classes(generator, [label for pair in pairs for label in pair])
    return pairs


def along_circle(a: Tensor, b: Tensor, fraction: float) -> Tensor:
    """Between two vectors of any length: their directions along a great circle, their lengths linearly."""
    lengths = a.norm(), b.norm()
    if min(lengths) == 0:  # no direction
        return torch.lerp(a, b, fraction)
    return torch.lerp(*lengths, fraction) * spherical(a / lengths[0], b / lengths[1], fraction)


def orbit(generator: Generator, images: int) -> list[float]:
    """So many angles in degrees around the circle: equal steps, or a finite group's rotations, as often as one another.

    If the images are no multiple of the rotations, some come once more than others; if fewer, some are left out.
    """
    space = generator.synthesis.in_type.gspace
    if is_continuous(space):
        return [360 * i / images for i in range(images)]
    rotations = sum(bool(np.linalg.det(matrix) > 0) for matrix in plane_matrices(space))
    return [i * rotations // images * 360 / rotations for i in range(images)]


def images_of(
    generator: Generator, wanted: Sequence[tuple[int, int, Pose]], law: LatentLaw, truncation: float, batch: int
) -> Tensor:
    """uint8 (N, C, H, W) on the CPU, for seeds, labels and poses, so many computed at once."""
    parts = [wanted[start : start + batch] for start in range(0, len(wanted), batch)]
    empty = torch.empty(0, *generator.image_shape, dtype=torch.uint8)
    with torch.inference_mode(), shared_filters(generator):
        return torch.cat([empty, *(images_at_once(generator, part, law, truncation) for part in parts)])


def images_at_once(
    generator: Generator, wanted: Sequence[tuple[int, int, Pose]], law: LatentLaw, truncation: float
) -> Tensor:
    """uint8 (N, C, H, W) on the CPU, for seeds, labels and poses, all computed together."""
    drawn = [latent(generator, seed, law) for seed, _, _ in wanted]
    z_NZ = torch.cat(
        [
            z if pose == UPRIGHT else generator.turned(z, pose.degrees, pose.reflected)
            for (z, _), (_, _, pose) in zip(drawn, wanted, strict=True)
        ]
    )
    elements = [element for _, element in drawn if element is not None]
    labels = torch.tensor([label for _, label, _ in wanted], device=z_NZ.device)
    return to_uint8(generator(truncation * z_NZ, labels, torch.cat(elements) if elements else None)).cpu()


def decode_each(generator: Generator, path: Sequence[Tensor], element: Tensor | None) -> Tensor:
    """The images of conditioning vectors, uint8 (N, C, H, W), each decoded alone."""
    return torch.cat([to_uint8(generator.decode(c[None], element)).cpu() for c in path])


def latent(generator: Generator, seed: int, law: LatentLaw) -> Latents:
    """The latent (1, Z) and group element (1,) that a sample seed names."""
    where = generator.embedding.weight.device
    return draw_latents(generator, 1, torch_stream(seed, "sample/0"), law=law, device=where)


def spherical(a: Tensor, b: Tensor, fraction: float) -> Tensor:
    """Between two latents along a great circle, so that norms stay typical of a Gaussian. Source: White 2016."""
    angle = torch.arccos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    if torch.sin(angle) < 1e-4:  # parallel, or opposite: no great circle is distinguished
        return torch.lerp(a, b, fraction)
    return (torch.sin((1 - fraction) * angle) * a + torch.sin(fraction * angle) * b) / torch.sin(angle)


def checked_classes(generator: Generator, classes: Sequence[int]) -> Sequence[int]:
    """The labels, each known to the generator."""
    for label in classes:
        if not 0 <= label < generator.classes:
            raise RunError(f"class {label} does not exist; this generator knows 0 to {generator.classes - 1}")
    return classes
