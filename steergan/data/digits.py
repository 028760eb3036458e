"""scikit-learn's 1,797 handwritten digits, turned at random: real data that needs no download and no preparation."""

from pathlib import Path

import numpy as np

from steergan.data.images import SPLITS, Pixels
from steergan.data.originals import Originals
from steergan.data.plan import Plan, whole_piece
from steergan.data.rotation import TurnedRows, angles_in_words, angles_of_split
from steergan.data.sources import Source
from steergan.data.subsets import hold_out
from steergan.extras import needed_by
from steergan.recipe.data import Digits

CANVAS = 16
ENLARGED = 12
COPIES = 6
"""How often each digit appears, at independent angles: enough for a smooth law of angles, at about 10,000 images."""


def find_digits(settings: Digits) -> Originals:
    """No files of the user's: scikit-learn has them."""
    return Originals("bundled", Path(), ())


def plan_digits(originals: Originals, settings: Digits) -> Plan:
    """The digits, 8 x 8, enlarged to 12 x 12 on a 16 x 16 canvas, each in six rotated copies; one channel.

    The digits are split (stratified by class, seeded) before they are turned: no digit is both trained on and held out.
    Enlarging and turning are one bilinear resampling.
    """
    with needed_by("data.name = 'digits'"):
        from sklearn.datasets import load_digits  # a second to import, and only needed here

    bundled = load_digits()
    digits: Pixels = np.round(bundled.images * (255 / 16)).astype(np.uint8)
    labels = bundled.target.astype(np.int64)
    names = tuple(str(digit) for digit in range(10))
    members = dict(zip(SPLITS, hold_out(labels, settings.held_out, settings.seed, names), strict=True))

    pieces = {}
    for split, chosen in members.items():
        copies = digits[chosen].repeat(COPIES, axis=0)
        angles = angles_of_split(len(copies), split, settings)
        rows = TurnedRows(copies, angles, size=CANVAS, scale=ENLARGED / digits.shape[-1])
        pieces[split] = [whole_piece(split, rows, labels[chosen].repeat(COPIES))]
    return Plan(
        image_shape=(1, CANVAS, CANVAS),
        class_names=names,
        pieces=pieces,
        rule=f"digits bundled with scikit-learn, each {COPIES} times, {angles_in_words(settings)}, split by digit",
        copies=COPIES,
    )


SOURCE = Source(
    find=find_digits,
    plan=plan_digits,
    size=CANVAS,
    kind=(1, 10),
    bundled="bundled with scikit-learn, 1,797 images",
    kept=False,
    unturned=("bundled",),
)
