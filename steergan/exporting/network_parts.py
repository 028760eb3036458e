"""The parts of a run that are exported: what goes in, what comes out, and what the group does to both."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from steergan.exporting.parts import Inputs, Motion, Part, elements, run_on, typed_motions
from steergan.exporting.recorder import ExportError
from steergan.networks import Discriminator, Generator
from steergan.symmetry import group_name
from steergan.symmetry.actions import act, action_table
from steergan.verification.elements import NAMES, Matrix, transform

PARTS = ("generator", "discriminator", "synthesis", "trunk")
"""Of a run."""


def generator_part(generator: Generator) -> Part:
    """Latents and labels (and elements, where the latent is symmetrized) -> images."""

    def examples(images: int, seed: int) -> Inputs:
        stream = torch.Generator().manual_seed(seed)
        z = torch.randn(images, generator.z_dim, generator=stream)
        y = torch.randint(generator.classes, (images,), generator=stream)
        elements = [torch.randint(generator.elements, (images,), generator=stream)] if generator.elements else []
        return [z, y, *elements]

    names = ("z", "y", "element") if generator.elements else ("z", "y")
    motions, claim = latent_motions(generator)
    return Part("generator", generator, run_on, names, "image", examples, motions, claim)


def latent_motions(generator: Generator) -> tuple[tuple[Motion, ...], str]:
    """What moves a generator's image: its element, or a steerable latent."""
    image, latent = generator.synthesis.out_type, generator.latent_type
    if latent is not None:

        def moved(matrix: Matrix) -> Motion:
            return Motion(
                NAMES[matrix],
                lambda given: [transform(given[0], latent, matrix), *given[1:]],
                lambda out: transform(out, image, matrix),
            )

        return tuple(moved(matrix) for matrix in elements(latent)), "image(g z, y) = g image(z, y)"
    if not generator.elements:
        return (), ""
    table = action_table(group_name(image.gspace), *generator.image_shape[1:])

    def turned(element: int) -> Motion:
        chosen = torch.tensor([element])
        return Motion(
            f"element {element}",
            lambda given: [*given[:2], torch.full_like(given[2], element)],
            lambda out: act(out, table, chosen.expand(len(out))),
        )

    return tuple(turned(n) for n in range(1, generator.elements)), "image(z, y, g) = g image(z, y, 0)"


def discriminator_part(discriminator: Discriminator) -> Part:
    """Images and labels -> scores."""

    def examples(images: int, seed: int) -> Inputs:
        stream = torch.Generator().manual_seed(seed)
        image = torch.randn(images, *discriminator.image_shape, generator=stream).tanh()
        return [image, torch.randint(discriminator.classes, (images,), generator=stream)]

    part = Part("discriminator", discriminator, run_on, ("image", "y"), "score", examples)
    if len(discriminator.tail) or discriminator.trunk.restrictions:  # what it claims is no more about its score
        return part
    motions = typed_motions([discriminator.trunk.in_type], [None])
    return replace(part, motions=motions, claim="score(g image, y) = score(image, y)")


def synthesis_part(generator: Generator) -> Part:
    """Seed maps and conditioning vectors -> images, tanh included."""
    into, out = generator.synthesis.in_type, generator.synthesis.out_type

    def render(module: Generator, seed: Tensor, c: Tensor) -> Tensor:
        return module.render(seed, c)

    def examples(images: int, number: int) -> Inputs:
        stream = torch.Generator().manual_seed(number)
        seed = torch.randn(images, *generator.seed_shape, generator=stream)
        return [seed, torch.randn(images, generator.conditioning, generator=stream)]

    motions, claim = typed_motions([into], [out]), "image(g seed map, c) = g image(seed map, c)"
    return Part("synthesis", generator, render, ("seed_map", "c"), "image", examples, motions, claim)


def trunk_part(discriminator: Discriminator) -> Part:
    """Images -> the feature map in front of the group pooling."""
    trunk = discriminator.trunk

    def features(module: Discriminator, image: Tensor) -> Tensor:
        found: Tensor = module.trunk(module.trunk.in_type(module.seen(image))).tensor
        return found

    def examples(images: int, seed: int) -> Inputs:
        stream = torch.Generator().manual_seed(seed)
        return [torch.randn(images, *discriminator.image_shape, generator=stream).tanh()]

    motions = () if trunk.restrictions else typed_motions([trunk.in_type], [trunk.out_type])
    return Part(
        "trunk",
        discriminator,
        features,
        ("image",),
        "features",
        examples,
        motions,
        "features(g image) = g features(image)",
    )


MAKERS: dict[str, Callable[[Any], Part]] = {
    "generator": generator_part,
    "discriminator": discriminator_part,
    "synthesis": synthesis_part,
    "trunk": trunk_part,
}


def part_of_run(name: str, generator: Generator, discriminator: Discriminator) -> Part:
    """A part of a run by its name.

    Raises:
        ExportError: there is no such part.
    """
    if name not in PARTS:
        raise ExportError(f"part {name!r}; one of {', '.join(PARTS)} was wanted")
    return MAKERS[name](generator if name in ("generator", "synthesis") else discriminator)
