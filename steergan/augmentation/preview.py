"""What each transform of adaptive augmentation does to some images, to be looked at."""

from collections.abc import Collection

import torch
from torch import Tensor

from steergan.augmentation.drawing import KINDS, draw_parameters
from steergan.augmentation.transforms import augment
from steergan.pixels import to_uint8, to_unit
from steergan.randomness import torch_stream
from steergan.recipe.sections import TransformName


def preview_transforms(images: Tensor, kinds: Collection[TransformName] = KINDS, seed: int = 0) -> dict[str, Tensor]:
    """Images as they are, under each transform at probability 1, and under all together at 1/2.

    Args:
        images: uint8 (N, C, H, W).
        kinds: transforms; those that such images can't have, hues without colours and quarter turns of rectangles, are
            left out.
        seed: of the transforms.

    Returns:
        By what was done, uint8 (N, C, H, W).

    Examples:
        >>> images = torch.randint(256, (4, 1, 8, 8), dtype=torch.uint8)
        >>> list(preview_transforms(images, ["rotation", "hue"]))
        ['none', 'rotation', 'all, at 1/2']
    """
    count, channels, height, width = images.shape
    impossible = ("hue",) * (channels != 3) + ("quarter-turns",) * (height != width)
    fitting = [kind for kind in kinds if kind not in impossible]

    def under(name: str, done: Collection[str], probability: float) -> Tensor:
        draw = torch_stream(seed, f"preview {name}")
        parameters = draw_parameters(count, (channels, height, width), done, torch.tensor(probability), draw)
        return to_uint8(augment(to_unit(images), parameters))

    found = {"none": images}
    for kind in fitting:
        found[kind] = under(kind, [kind], 1.0)
    return found | {"all, at 1/2": under("all", fitting, 0.5)}
