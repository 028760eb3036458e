"""What is claimed of a recipe's networks, as subjects of verification."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from escnn.nn import EquivariantModule
from torch import Tensor

from steergan.errors import SteerganError
from steergan.networks import Discriminator, Generator, ModernGenerator
from steergan.randomness import torch_stream
from steergan.recipe import Recipe
from steergan.symmetry import group_name, is_trivial, trivial_type
from steergan.verification import Subject
from steergan.verification.subject import BATCH, Size

FROM_SEED_MAP = "From the seed map on: how the seed map depends on the latent is no part of this claim."

POSED = "discriminator up to its group pooling"
SEES_POSE = "The plain layers behind the group pooling see the pose of an image, and so does the score."
GIVES_UP = "What comes behind keeps less of the symmetry."


def network_subjects(
    recipe: Recipe, generator: Generator, discriminator: Discriminator, quick: bool
) -> Iterator[tuple[Subject, str]]:
    """Every claim, and what has to be said with it; the generator's comes last."""
    restrictions = discriminator.trunk.restrictions
    whole = discriminator_subject(recipe, discriminator, quick)
    if restrictions:
        yield before_restriction(whole, discriminator, restrictions[0]), GIVES_UP
    if not (restrictions and is_trivial(discriminator.trunk.out_type.gspace)):
        yield whole, SEES_POSE if whole.name == POSED else ""
    if generator.latent_type is not None:
        yield generator_subject(generator), ""
    else:
        yield synthesis_subject(recipe, generator, quick), FROM_SEED_MAP


def before_restriction(whole: Subject, discriminator: Discriminator, position: int) -> Subject:
    """The part of a discriminator that has its first group."""
    group = group_name(discriminator.trunk.stages[position].out_type.gspace)  # type: ignore[union-attr]
    name, last = f"discriminator up to its restriction to {group}", f"trunk.stages.{position - 1}"
    return replace(whole, name=name, claim="equivariant", upto=last)


def embedded_labels(generator: Generator) -> Tensor:
    """The first classes' embeddings, (B, E)."""
    return generator.embedding.weight.detach()[torch.arange(BATCH) % generator.classes].clone()


def generator_subject(generator: Generator) -> Subject:
    """The claim image(g z, y) = g image(z, y) for a steerable latent z, tanh included."""
    e = embedded_labels(generator)
    assert generator.latent_type is not None

    def draw(module: Generator, z: Tensor, others: tuple[Tensor, ...]) -> Tensor:
        return module.from_latent(z, *others)

    into, out = generator.latent_type, generator.synthesis.out_type
    return Subject("generator", generator, into, "equivariant", out, ((1, 1),), (e,), draw)


def discriminator_subject(recipe: Recipe, discriminator: Discriminator, quick: bool) -> Subject:
    """The claim score(g image, y) = score(image, y), at the size of the images and, with exact pools, a larger one.

    A disk has the size of the images, and so have the networks that it is part of. Where plain layers come behind the
    group pooling, the claim is about the map that they get.
    """
    height, width = discriminator.image_shape[1:]
    sizes: list[Size] = [(height, width)]
    if recipe.discriminator.pooling == "exact" and not quick and not recipe.data.disk:
        sizes += next_size(discriminator.trunk, (height, width))
    whole = Subject(
        name="discriminator",
        module=discriminator,
        in_type=discriminator.trunk.in_type,
        claim="invariant",
        out_type=None,
        sizes=tuple(sizes),
        others=(torch.arange(BATCH) % discriminator.classes,),
        call=lambda module, image, others: module(image, *others),
    )
    if len(discriminator.tail):
        return replace(whole, name=POSED, claim="equivariant", upto="group_pool")
    return whole


def next_size(part: EquivariantModule, size: Size) -> list[Size]:
    """The next larger size whose every map suits its pool and its attention, if one is near."""
    for more in range(1, 17):
        larger = (size[0] + more, size[1] + more)
        try:
            part.evaluate_output_shape((1, part.in_type.size, *larger))
        except SteerganError:
            continue
        return [larger]
    return []


def synthesis_subject(recipe: Recipe, generator: Generator, quick: bool) -> Subject:
    """The claim image(g seed map, c) = g image(seed map, c), tanh included; at two sizes of seed maps."""
    height, width = generator.seed_shape[1:]
    stream = torch_stream(recipe.training.seed, "verification")
    c = torch.cat([torch.randn(BATCH, generator.z_dim, generator=stream), embedded_labels(generator)], dim=1)
    if isinstance(generator, ModernGenerator) and generator.noise.numbers:
        return noisy_subject(generator, c)
    sizes: list[Size] = [(height, width)]
    if not quick and not recipe.data.disk:
        sizes += next_size(generator.synthesis, (height, width))

    def render(module: Generator, seed: Tensor, others: tuple[Tensor, ...]) -> Tensor:
        return module.render(seed, *others)

    into, out = generator.synthesis.in_type, generator.synthesis.out_type
    scale = seed_scale(generator, c)
    return Subject("synthesis", generator, into, "equivariant", out, tuple(sizes), (c,), render, scale=scale)


def noisy_subject(generator: ModernGenerator, c: Tensor) -> Subject:
    """The claim image(g seed map, g noise, c) = g image(seed map, noise, c), at the size that the noise has."""
    into, out, noise = generator.synthesis.in_type, generator.synthesis.out_type, generator.noise

    def render(module: ModernGenerator, seed: Tensor, others: tuple[Tensor, ...]) -> Tensor:
        c, *maps = others
        return module.render(seed, module.noise.with_maps(c, maps))

    return Subject(
        "synthesis, seed map and noise moved together", generator, into, "equivariant", out,
        sizes=((generator.seed_shape[1], generator.seed_shape[2]),), others=(noise.without(c), *noise.maps(c)),
        call=render, scale=seed_scale(generator, c),
        other_types=(None, *[trivial_type(into.gspace, 1)] * len(noise.sizes)),
    )  # fmt: skip


@torch.no_grad()
def seed_scale(generator: Generator, c: Tensor) -> float:
    """Root mean square of seed maps; in evaluation mode, in which nothing moves."""
    training = generator.training
    try:
        return float(generator.eval().seed_map(c, None).square().mean().sqrt())
    finally:
        generator.train(training)
