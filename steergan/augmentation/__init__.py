"""What happens to images between the data or the generator and the discriminator: the networks stay as they are."""

from steergan.extras import needed_by

with needed_by("steergan.augmentation"):
    from steergan.augmentation.adaptive import AdaptiveProbability
    from steergan.augmentation.drawing import KINDS, Parameters, draw_parameters
    from steergan.augmentation.preview import preview_transforms
    from steergan.augmentation.transforms import augment
    from steergan.augmentation.treatment import Augmentation, Treatment

__all__ = [
    "KINDS",
    "AdaptiveProbability",
    "Augmentation",
    "Parameters",
    "Treatment",
    "augment",
    "draw_parameters",
    "preview_transforms",
]
