"""Pictures that commands have written."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def pixels(path: Path) -> NDArray[np.uint8]:
    """Of a picture's file."""
    with Image.open(path) as picture:
        return np.asarray(picture)
