"""What happens to images between the data or the generator and the discriminator: the networks stay as they are."""

from steergan.extras import needed_by

with needed_by("steergan.augmentation"):
    from steergan.augmentation.adaptive import AdaptiveProbability
    from steergan.augmentation.transforms import Parameters, augment, draw_parameters
    from steergan.augmentation.treatment import Augmentation, Treatment

__all__ = [
    "AdaptiveProbability",
    "Augmentation",
    "Parameters",
    "Treatment",
    "augment",
    "draw_parameters",
]
