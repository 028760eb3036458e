"""Images from a trained run: single samples and interpolations."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from steergan.errors import RunError
from steergan.layers import shared_filters
from steergan.networks import Generator
from steergan.pixels import to_uint8
from steergan.randomness import torch_stream
from steergan.run.load import load_run
from steergan.symmetry import is_continuous, plane_matrices
from steergan.training import LatentLaw, Latents, draw_latents


class Pose(NamedTuple):
    """How a latent lies: reflected left and right, then turned counterclockwise."""

    degrees: float
    reflected: bool = False


UPRIGHT = Pose(0.0)


def sample(
    folder: Path,
    seeds: Sequence[int],
    classes: Sequence[int] | None = None,
    truncation: float = 1.0,
    poses: Sequence[Pose] | None = None,
    at: str | int = "last",
) -> Tensor:
    """One image per class and seed, or per class, seed and pose, from the averaged generator.

    Args:
        folder: a run folder.
        seeds: each names a latent (and a group element, if the latent is symmetrized), the same for every class.
        classes: labels; None for all.
        truncation: factor on z; below 1 trades variety for typical images. Source: Dey et al. 2021, Figure 11 (0.75).
        poses: in which a steerable latent is put.
        at: which of the run's networks, see `load_run`.

    Returns:
        uint8 (classes, seeds, C, H, W), with poses (classes, seeds, poses, C, H, W). An image depends on its class,
        seed and pose alone, not on what else was asked for.

    Raises:
        RunError: no such class or snapshot, or nothing trained in the folder.
        SymmetryError: poses of a latent that is not steerable, or that the group does not have.
    """
    run = load_run(folder, at)
    generator, law = run.generator, run.recipe.generator.latent_law
    labels = range(generator.classes) if classes is None else checked_classes(generator, classes)
    with torch.inference_mode(), shared_filters(generator):
        images = [
            one_image(generator, seed, label, law, truncation, pose)
            for label in labels
            for seed in seeds
            for pose in poses or (UPRIGHT,)
        ]
    shape = (len(labels), len(seeds)) if poses is None else (len(labels), len(seeds), len(poses))
    return torch.stack(images).unflatten(0, shape)


def interpolate(
    folder: Path, seeds: tuple[int, int] = (0, 1), images: int = 10, at: str | int = "last"
) -> Tensor:
    """The paper's Figure 3: rows of images between two latents of one class, and between classes at one latent.

    Args:
        folder: a run folder.
        seeds: the two ends of the latent rows; the label rows use the first.
        images: per row.
        at: which of the run's networks, see `load_run`.

    Returns:
        uint8 (2 K or 3 K, images, C, H, W): first K rows spherical between the latents, one class each; then K rows
        linear between the embeddings of class k and k + 1 (the last goes back to class 0). With a steerable latent K
        more rows: the first latent turned through the group, see `orbit`.

    Source: Dey et al. 2021, Figure 3 (spherical between latents: White 2016; linear between labels).
    """
    run = load_run(folder, at)
    generator, law = run.generator, run.recipe.generator.latent_law
    (start,), element = latent(generator, seeds[0], law)
    (end,), _ = latent(generator, seeds[1], law)
    fractions = torch.linspace(0, 1, images).tolist()
    rows = []
    with torch.inference_mode(), shared_filters(generator):
        embedded = generator.embedding.weight
        for label in range(generator.classes):
            path = [torch.cat([spherical(start, end, t), embedded[label]]) for t in fractions]
            rows.append(decode_each(generator, path, element))
        for label in range(generator.classes):
            following = embedded[(label + 1) % generator.classes]
            path = [torch.cat([start, torch.lerp(embedded[label], following, t)]) for t in fractions]
            rows.append(decode_each(generator, path, element))
        if generator.latent_type is not None:
            poses = [generator.turned(start[None], angle)[0] for angle in orbit(generator, images)]
            rows += [decode_each(generator, [torch.cat([z, e]) for z in poses], None) for e in embedded]
    return torch.stack(rows)


def orbit(generator: Generator, images: int) -> list[float]:
    """So many angles in degrees around the circle: equal steps, or a finite group's rotations, as often as one another.

    If the images are no multiple of the rotations, some come once more than others; if fewer, some are left out.
    """
    space = generator.synthesis.in_type.gspace
    if is_continuous(space):
        return [360 * i / images for i in range(images)]
    rotations = sum(bool(np.linalg.det(matrix) > 0) for matrix in plane_matrices(space))
    return [i * rotations // images * 360 / rotations for i in range(images)]


def one_image(
    generator: Generator, seed: int, label: int, law: LatentLaw, truncation: float, pose: Pose = UPRIGHT
) -> Tensor:
    """uint8 (C, H, W), computed alone, so that no batch mate can change a bit of it."""
    z, element = latent(generator, seed, law)
    if pose != UPRIGHT:
        z = generator.turned(z, pose.degrees, pose.reflected)
    return to_uint8(generator(truncation * z, torch.tensor([label]), element))[0]


def decode_each(generator: Generator, path: Sequence[Tensor], element: Tensor | None) -> Tensor:
    """The images of conditioning vectors, uint8 (N, C, H, W), each decoded alone."""
    return torch.cat([to_uint8(generator.decode(c[None], element)) for c in path])


def latent(generator: Generator, seed: int, law: LatentLaw) -> Latents:
    """The latent (1, Z) and group element (1,) that a sample seed names."""
    return draw_latents(generator, 1, torch_stream(seed, "sample/0"), law=law)


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
