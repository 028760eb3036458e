"""What a recipe's [augmentation] does to the images of each update."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from steergan.augmentation.adaptive import AdaptiveProbability
from steergan.augmentation.drawing import draw_parameters
from steergan.augmentation.transforms import augment
from steergan.errors import RecipeError, SymmetryError
from steergan.randomness import torch_stream
from steergan.recipe import AugmentationSettings
from steergan.symmetry.actions import act, action_table

Transform = Callable[[Tensor], Tensor]
"""Images (B, C, H, W) -> images of the same shape, each image by itself; fixed once it is drawn."""

NONE = AugmentationSettings()
ALL = slice(None)


def unchanged(image: Tensor) -> Tensor:
    """An image as it is; the default of every transform."""
    return image


@dataclass(frozen=True)
class Treatment:
    """How one update treats its images; the default leaves it as if there were no augmentation."""

    settings: AugmentationSettings = NONE
    standard: Transform = unchanged
    """Of real images, before everything else."""
    adaptive_real: Transform = unchanged
    """Of real images on their way into the discriminator."""
    adaptive_fake: Transform = unchanged
    """Of generated ones."""
    consistency_real: Transform = unchanged
    """What the score of a real image, as the discriminator saw it, should not depend on."""
    consistency_fake: Transform = unchanged


class Augmentation:
    """A recipe's [augmentation], for images of one shape.

    Args:
        settings: which regularisers, with which weights.
        image_shape: (C, H, W) in pixels.
        device: of the images.

    Raises:
        RecipeError: weights that make no sense without each other; hues of images without colours.
        SymmetryError: 90-degree rotations of a rectangle.
    """

    def __init__(
        self, settings: AugmentationSettings, image_shape: tuple[int, int, int], device: torch.device | str = "cpu"
    ) -> None:
        check(settings, image_shape)
        self.settings, self.image_shape, self.device = settings, image_shape, torch.device(device)
        self.table_GP: Tensor | None = None
        if settings.standard or settings.consistency_real or settings.consistency_fake:
            self.table_GP = action_table(settings.group, *image_shape[1:]).to(self.device)
        self.adaptive: AdaptiveProbability | None = None
        if settings.adaptive_target:
            self.adaptive = AdaptiveProbability(settings.adaptive_target, settings.adaptive_images, self.device)

    def treatment(self, count: int, *, seed: int, step: int, update: int, rows: slice = ALL) -> Treatment:
        """The transforms of one update, from streams at (seed, step, update) and the present probability.

        Args:
            count: B, images.
            seed: of the run.
            step: generator step.
            update: which update of that step.
            rows: for which of the images.
        """

        def stream(name: str) -> torch.Generator:
            return torch_stream(seed, f"augmentation {name}/{update}", step)

        def moved(name: str, used: bool) -> Transform:
            if self.table_GP is None or not used:
                return unchanged
            element_B = torch.randint(len(self.table_GP), (count,), generator=stream(name))[rows]
            return partial(act, table_GP=self.table_GP, element_B=element_B.to(self.device, non_blocking=True))

        def adapted(name: str) -> Transform:
            if self.adaptive is None:
                return unchanged
            kinds, probability = self.settings.transforms, self.adaptive.probability
            drawn = draw_parameters(count, self.image_shape, kinds, probability, stream(name))
            return partial(augment, parameters=drawn.rows(rows))

        settings = self.settings
        return Treatment(
            settings,
            moved("standard", settings.standard),
            adapted("real"),
            adapted("fake"),
            moved("consistency real", settings.consistency_real > 0),
            moved("consistency fake", settings.consistency_fake > 0),
        )


def check(settings: AugmentationSettings, image_shape: tuple[int, int, int]) -> None:
    """Refuse what cannot work.

    Raises:
        RecipeError: rotations that the generator should show and nobody learns; adaptive augmentation by nothing;
            hues of images without colours.
        SymmetryError: quarter turns of a rectangle.
    """
    if settings.rotation_generator and not settings.rotation_discriminator:
        raise RecipeError(
            f"augmentation.rotation_generator = {settings.rotation_generator:g} needs a discriminator that learns "
            "rotations; set augmentation.rotation_discriminator = 1.0"
        )
    if settings.adaptive_target and not settings.transforms:
        raise RecipeError(
            f"augmentation.adaptive_target = {settings.adaptive_target:g} has no transforms to apply; "
            'set augmentation.transforms = ["translation", "scaling", "colour"]'
        )
    channels, height, width = image_shape
    used = settings.transforms if settings.adaptive_target else ()
    if "hue" in used and channels != 3:
        raise RecipeError(
            f'augmentation.transforms: "hue" turns the colours of three channels, and these images have {channels}; '
            'leave it out, or take "luma-flip"'
        )
    quarters = {
        "augmentation.rotation_discriminator": settings.rotation_discriminator > 0,
        'augmentation.transforms: "quarter-turns"': "quarter-turns" in used,
    }
    for name, needed in quarters.items():
        if needed and height != width:
            raise SymmetryError(
                f"{name} turns images by 90 degrees and got {height} x {width} pixels; use square images"
            )
