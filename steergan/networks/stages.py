"""The stages or blocks that a spec makes of a network: what goes into each and comes out of it, before it has weights.

Whoever builds a network reads these lists: `Synthesis` and `Trunk` make our layers of them, `steergan.benchmark.stock`
escnn's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from escnn.nn import FieldType

from steergan.errors import RecipeError, SymmetryError
from steergan.layers import HalvingPool
from steergan.networks.modern_spec import ModernDiscriminatorSpec
from steergan.networks.spec import DiscriminatorSpec, GeneratorSpec
from steergan.networks.steerable_latent import count_invariants
from steergan.symmetry import contains, gspace, is_continuous, is_trivial, regular_type, trivial_type


@dataclass(frozen=True)
class GeneratorStage:
    """A stage or residual block of a generator, or (the last one) its convolution to the image."""

    in_type: FieldType
    """What comes in."""
    out_type: FieldType
    """What its convolutions put out, in front of a nonlinearity or of the image's group pooling."""
    kernel_size: int
    """Taps along one side."""
    conditioning: int
    """Length of the vector that its conditional batch norms get; 0: it has none."""
    upsample: bool
    """Its map is twice as high and wide as what comes in."""
    attention: tuple[int, int] | None = None
    """(H, W) of the map at its end, where pixels attend to each other there."""


@dataclass(frozen=True)
class DiscriminatorStage:
    """A stage or residual block of a discriminator."""

    in_type: FieldType
    """What comes in; where its gspace is not that of `out_type`, the stage begins with a restriction."""
    out_type: FieldType
    """What its convolutions put out."""
    kernel_size: int
    """Taps along one side."""
    pool: HalvingPool | None
    """The pool by 2 at its end."""
    first: bool
    """What comes in is the image, which needs no nonlinearity in front of a convolution."""
    attention: tuple[int, int] | None = None
    """(H, W) of the map at its end, where pixels attend to each other there."""


def generator_stages(
    spec: GeneratorSpec, channels: int, conditioning: int, seed_pixels: tuple[int, int]
) -> list[GeneratorStage]:
    """From the seed map to the image; the last stage is the convolution that makes it.

    Plain stages: the first one leaves the seed map's size and has no conditional batch norm; the `upsamplings` next
    ones upsample, and so does the last convolution if they are as many as `widths`. Residual blocks: the first
    `upsamplings` upsample.

    Args:
        spec: of the generator.
        channels: of the image.
        conditioning: length of the conditioning vector.
        seed_pixels: (h, w) of the seed map.

    Raises:
        RecipeError: as many answers of `attention` as `widths` were wanted.
        SymmetryError: fields that the kernel can't hold.

    Source: Dey et al. 2021, Tables 5 and 6 (plain), 7 to 14 (residual).
    """
    space, plain = gspace(spec.group), spec.architecture == "plain"
    if spec.latent == "steerable":
        x_type = between(spec, spec.of_width(space, spec.seed_width))
    else:
        x_type = trivial_type(space, spec.seed_width)
    stages, attends, scale = [], spec.attends(len(spec.widths), "generator"), 1
    for i, width in enumerate(spec.widths):
        out_type, size = spec.of_width(space, width), spec.filter_size(space)
        upsample = plain <= i < plain + spec.upsamplings
        scale *= 1 + upsample
        looked_over = (scale * seed_pixels[0], scale * seed_pixels[1]) if attends[i] else None
        c = 0 if plain and i == 0 else conditioning
        stages.append(GeneratorStage(x_type, out_type, size, c, upsample, looked_over))
        x_type = between(spec, out_type)
    # Regular fields have their maximum over the group taken; those of SO2 and O2 have none, so the image comes at once.
    out_type = trivial_type(space, channels) if is_continuous(space) else regular_type(space, channels)
    left = spec.upsamplings - sum(stage.upsample for stage in stages)
    return [*stages, GeneratorStage(x_type, out_type, spec.filter_size(space), 0, left > 0)]


def discriminator_stages(
    spec: DiscriminatorSpec, image_shape: tuple[int, int, int]
) -> tuple[list[DiscriminatorStage], list[DiscriminatorStage]]:
    """From the image to the group pooling, and (with `group_pool = "before-last-block"`) from there on.

    Args:
        spec: of the discriminator.
        image_shape: (C, H, W) in pixels.

    Raises:
        RecipeError: as many `downsample`, groups or answers of `attention` as `widths` were wanted; a group that is no
            subgroup of the one before; a group pooling before the only block.
        SymmetryError: a map that can't be pooled; fields that the kernel can't hold.
    """
    spaces = [gspace(name) for name in check_groups(spec)]
    downsample, steered = check_downsample(spec), check_blocks(spec)
    spaces[steered:] = [gspace("trivial")] * (len(spaces) - steered)
    x_type, size = trivial_type(spaces[0], image_shape[0]), image_shape[1:]
    stages = []
    attends = spec.attends(len(spec.widths), "discriminator")
    for i, (width, space, shrinks) in enumerate(zip(spec.widths, spaces, downsample, strict=True)):
        if i == steered:
            x_type = trivial_type(space, pooled_fields(x_type))
        pool = None
        if shrinks:
            strict = spec.pooling == "exact" and not is_trivial(space)
            word = {"plain": "stage", "residual": "block"}[spec.architecture]
            window, padding = pool_geometry(*size, spec.pooling, strict, f"discriminator {word} {i + 1}")
            size = pooled(size, window, padding)
            pool = HalvingPool(spec.pool, window, padding, strict, spec.band_limited)
        out_type = spec.of_width(space, width)
        looked_over = size if attends[i] else None
        stages.append(DiscriminatorStage(x_type, out_type, spec.filter_size(space), pool, i == 0, looked_over))
        x_type = between(spec, out_type)
    return stages[:steered], stages[steered:]


def between(spec: GeneratorSpec | DiscriminatorSpec, out_type: FieldType) -> FieldType:
    """What passes from a stage to the next: plain stages end in a nonlinearity, residual blocks begin with one."""
    return spec.after(out_type) if spec.architecture == "plain" else out_type


def pooled_fields(x_type: FieldType) -> int:
    """Channels behind the group pooling: one per field, in a continuous group one per irrep."""
    return count_invariants(x_type) if is_continuous(x_type.gspace) else len(x_type)


def check_groups(spec: DiscriminatorSpec | ModernDiscriminatorSpec) -> Sequence[str]:
    """One name for each width, each a subgroup of the one before."""
    group, widths = spec.group, spec.widths
    if isinstance(group, str):
        return [group] * len(widths)
    if len(group) != len(widths):
        raise RecipeError(
            f"discriminator.group has {len(group)} entries and discriminator.widths {len(widths)}; "
            "give one for each, or one name for all"
        )
    for before, after in pairwise(group):
        if not contains(before, after):
            raise RecipeError(
                f"discriminator.group goes from {before} to {after}, which is no subgroup of it; "
                "a symmetry that was given up can't come back: name the same group or a part of it"
            )
    if spec.group_pool != "end" and len(set(group)) > 1:
        raise RecipeError(
            'discriminator.group_pool = "before-last-block" with one group per block; use "end", '
            'and "trivial" for the last block'
        )
    return group


def check_downsample(spec: DiscriminatorSpec) -> Sequence[bool]:
    """One answer for each width."""
    downsample, widths = spec.downsample, spec.widths
    if downsample and len(downsample) != len(widths):
        raise RecipeError(
            f"discriminator.downsample has {len(downsample)} entries and discriminator.widths {len(widths)}; "
            "give one for each, or none"
        )
    return downsample or (True,) * len(widths)


def check_blocks(spec: DiscriminatorSpec) -> int:
    """How many stages or blocks come before the group pooling."""
    if spec.group_pool == "end":
        return len(spec.widths)
    if len(spec.widths) < 2:
        raise RecipeError(
            'discriminator.group_pool = "before-last-block" leaves no block for the group; add discriminator.widths'
        )
    return len(spec.widths) - 1


def pool_geometry(height: int, width: int, pooling: str, strict: bool, layer: str) -> tuple[int, int]:
    """(kernel size, padding) of the pool with stride 2 that suits a map of this size."""
    if min(height, width) < 2:
        raise SymmetryError(
            f"{layer}: a map of {height} x {width} is too small to pool; use fewer discriminator.widths, "
            "or set discriminator.downsample"
        )
    if height % 2 == 1 and width % 2 == 1 and pooling == "exact":
        return 3, 1
    if not strict or (height % 2 == 0 and width % 2 == 0):
        return 2, 0
    raise SymmetryError(
        f"{layer}: no pool by 2 is exact on a map of {height} x {width}; "
        f'choose sizes whose sides stay both even or both odd, or discriminator.pooling = "paper"'
    )


def pooled(size: tuple[int, int], window: int, padding: int) -> tuple[int, int]:
    """(H, W) after a pool with stride 2: with padding p and a window w, n pixels become floor((n + 2p - w) / 2) + 1."""
    height, width = ((n + 2 * padding - window) // 2 + 1 for n in size)
    return height, width
