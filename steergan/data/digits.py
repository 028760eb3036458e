"""scikit-learn's 1,797 handwritten digits, turned at random: real data that needs no download and no preparation."""

from collections.abc import Iterator

import numpy as np

from steergan.data.images import SPLITS, Pixels, Plan, Split
from steergan.data.rotation import random_angles, rotate
from steergan.data.subsets import hold_out
from steergan.recipe import DataSettings

CANVAS = 16
ENLARGED = 12
COPIES = 6
"""How often each digit appears, at independent angles: enough for a smooth law of angles, at about 10,000 images."""


def plan_digits(settings: DataSettings) -> Plan:
    """The digits, 8 x 8, enlarged to 12 x 12 on a 16 x 16 canvas, each in six rotated copies; one channel.

    The digits are split (stratified by class, seeded) before they are turned: no digit is both trained on and held out.
    Enlarging and turning are one bilinear resampling.
    """
    from sklearn.datasets import load_digits  # a second to import, and only needed here

    bundled = load_digits()
    digits: Pixels = np.round(bundled.images * (255 / 16)).astype(np.uint8)
    labels = bundled.target.astype(np.int64)
    names = tuple(str(digit) for digit in range(10))
    members = dict(zip(SPLITS, hold_out(labels, settings.held_out, settings.seed, names), strict=True))

    def chunks(split: Split) -> Iterator[Pixels]:
        copies = digits[members[split]].repeat(COPIES, axis=0)
        angles = random_angles(len(copies), settings.seed, f"data/angles/{split}")
        yield rotate(copies, angles, size=CANVAS, scale=ENLARGED / digits.shape[-1])[:, None]

    return Plan(
        image_shape=(1, CANVAS, CANVAS),
        class_names=names,
        labels={split: labels[members[split]].repeat(COPIES) for split in SPLITS},
        chunks=chunks,
        rule=f"digits bundled with scikit-learn, each {COPIES} times, angles uniform in [0, 2 pi), split by digit",
        copies=COPIES,
    )
