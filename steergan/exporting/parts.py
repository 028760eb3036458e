"""What is exported: a module, how it is called, and what its symmetry says of its inputs and outputs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from steergan.exporting.recorder import ExportError
from steergan.networks import Discriminator, Generator
from steergan.symmetry import group_name
from steergan.symmetry.actions import act, action_table
from steergan.verification.claims import About, make_subject
from steergan.verification.elements import NAMES, Matrix, transform
from steergan.verification.subject import Size, Subject, random_input

Inputs = list[Tensor]


@dataclass(frozen=True)
class Motion:
    """A group element, as it moves what goes in and what comes out.

    Attributes:
        name: of the element.
        inputs: the inputs, moved.
        output: what the output has to become.
    """

    name: str
    inputs: Callable[[Inputs], Inputs]
    output: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Part:
    """A part of a run, or any model.

    Attributes:
        name: of it.
        module: whose weights they are; it is left as it is.
        call: (module, *inputs) -> result.
        names: of the inputs.
        output: what the result is called.
        examples: inputs for so many images, drawn by a seed, float32 where they are no whole numbers.
        motions: what the group does to it, where it permutes pixels.
        claim: what these motions claim, in words.
    """

    name: str
    module: nn.Module
    call: Callable[..., Any]
    names: tuple[str, ...]
    output: str
    examples: Callable[[int, int], Inputs]
    motions: tuple[Motion, ...] = ()
    claim: str = ""


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
    tail = discriminator.tail or discriminator.trunk.restrictions
    if tail:  # what it claims is no more about its score
        return part
    motions = typed_motions(discriminator.trunk.in_type, None)
    return Part(**{**vars(part), "motions": motions, "claim": "score(g image, y) = score(image, y)"})


def synthesis_part(generator: Generator) -> Part:
    """Seed maps and conditioning vectors -> images, tanh included."""
    into, out = generator.synthesis.in_type, generator.synthesis.out_type

    def render(module: Generator, seed: Tensor, c: Tensor) -> Tensor:
        return module.render(seed, c)

    def examples(images: int, number: int) -> Inputs:
        stream = torch.Generator().manual_seed(number)
        seed = torch.randn(images, *generator.seed_shape, generator=stream)
        return [seed, torch.randn(images, generator.conditioning, generator=stream)]

    claim = "image(g seed map, c) = g image(seed map, c)"
    return Part(
        "synthesis", generator, render, ("seed_map", "c"), "image", examples, typed_motions(into, out), claim
    )


def trunk_part(discriminator: Discriminator) -> Part:
    """Images -> the feature map in front of the group pooling."""
    trunk = discriminator.trunk

    def features(module: Discriminator, image: Tensor) -> Tensor:
        found: Tensor = module.trunk(module.trunk.in_type(module.seen(image))).tensor
        return found

    def examples(images: int, seed: int) -> Inputs:
        stream = torch.Generator().manual_seed(seed)
        return [torch.randn(images, *discriminator.image_shape, generator=stream).tanh()]

    motions = () if trunk.restrictions else typed_motions(trunk.in_type, trunk.out_type)
    return Part(
        "trunk", discriminator, features, ("image",), "features", examples, motions, "features(g image) = g features(image)"
    )


def part_of_subject(subject: Subject, size: Size) -> Part:
    """Any model, at one size."""
    others = subject.at(size).inputs

    def call(module: nn.Module, x: Tensor, *rest: Tensor) -> Any:
        return subject.call(module, x, rest) if subject.call is not None else run_typed(module, x, subject, rest)

    def examples(images: int, seed: int) -> Inputs:
        x = random_input(subject, size, seed, torch.float32, images)
        return [x, *(repeated(other, images) for other in others)]

    names = ("x", *(f"other{n}" for n in range(1, len(others) + 1)))
    moves = not subject.missing and not any(subject.other_types) and not isinstance(subject.out_type, tuple)
    out = None if subject.claim == "invariant" else subject.out_type
    motions = typed_motions(subject.in_type, out) if moves and (out is not None or subject.claim == "invariant") else ()
    claim = "f(g x) = f(x)" if out is None else "f(g x) = g f(x)"
    return Part(subject.name, subject.module, call, names, "out", examples, motions, claim)


def model_part(model: nn.Module, size: Any, about: About) -> tuple[Part, Subject]:
    """Any escnn model, tried out.

    Raises:
        SubjectError: no field type is known, or it can't be run.
    """
    subject = make_subject(model, size, **about)
    return part_of_subject(subject, subject.sizes[0]), subject


def run_on(module: nn.Module, *inputs: Tensor) -> Any:
    """What a module makes of its inputs."""
    return module(*inputs)


def run_typed(module: nn.Module, x: Tensor, subject: Subject, rest: tuple[Tensor, ...]) -> Any:
    """What a module makes of a map, typed first where it takes fields."""
    from escnn.nn import EquivariantModule

    takes_fields = isinstance(subject.module, EquivariantModule)
    return module(subject.in_type(x) if takes_fields else x, *rest)


def repeated(tensor: Tensor, images: int) -> Tensor:
    """An example of a batch of two as one of any."""
    if not tensor.dim():
        return tensor
    return tensor.repeat(-(-images // len(tensor)), *(1,) * (tensor.dim() - 1))[:images]


def elements(field_type: Any) -> Iterator[Matrix]:
    """The elements of a type's group that permute pixels, without the identity."""
    from steergan.verification.elements import grid_elements

    return iter(list(grid_elements(field_type.gspace))[1:])


def typed_motions(into: Any, out: Any) -> tuple[Motion, ...]:
    """What elements do to a map that goes in first, and to the result; `out` None: nothing."""

    def motion(matrix: Matrix) -> Motion:
        return Motion(
            NAMES[matrix],
            lambda given: [transform(given[0], into, matrix), *given[1:]],
            lambda result: result if out is None else transform(result, out, matrix),
        )

    return tuple(motion(matrix) for matrix in elements(into))


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


def more_about(**about: Unpack[About]) -> About:
    """What is said of a model, as `verify` takes it."""
    return about
