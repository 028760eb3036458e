"""A folder as users have them: ten kinds of mess."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from steergan.data import ImageSet, load
from steergan.recipe.data import Folder

SIDE = 8


def picture(number: int, *shape: int) -> Image.Image:
    """Noise that no other number has."""
    return Image.fromarray(np.random.default_rng(number).integers(0, 256, shape or (SIDE, SIDE, 3), dtype=np.uint8))


def write_messy(root: Path) -> Path:
    """Two classes of twelve sound images, and beside them what is usual.

    Another size, gray, see-through, CMYK, a palette, an EXIF turn, 16 bits; damaged files, among them several pages and
    PostScript by the name of PNG; links, also back to the folder; files that are no images.
    """
    cats, dogs = root / "cats", root / "dogs"
    for folder in (cats, dogs):
        folder.mkdir(parents=True)
        for k in range(12):
            picture(k + 30 * (folder == dogs)).save(folder / f"{k}.png")
    picture(70, 10, 14, 3).save(cats / "wide.png")
    picture(71, SIDE, SIDE).save(cats / "gray.png")
    picture(72, SIDE, SIDE, 4).save(cats / "clear.png")
    picture(73).convert("CMYK").save(dogs / "ink.jpg")
    picture(74).quantize(16).save(dogs / "palette.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(75).save(dogs / "turned.jpg", exif=exif)
    deep = np.random.default_rng(76).integers(0, 4096, (SIDE, SIDE)).astype(np.uint16)
    Image.fromarray(deep).save(dogs / "deep.png")
    (cats / "cut.png").write_bytes((cats / "0.png").read_bytes()[:100])
    (dogs / "empty.png").write_bytes(b"")
    (dogs / "script.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n")
    picture(77).save(cats / "pages.tif", save_all=True, append_images=[picture(78)])
    os.symlink("0.png", cats / "link.png")
    os.symlink("..", cats / "back")
    os.link(dogs / "1.png", dogs / "hard.png")
    (root / "notes.txt").write_text("not an image")
    (cats / ".DS_Store").write_text("hidden")
    return root


number = iter(range(1_000_000))


def write_folders(root: Path, folders: Sequence[str], count: int = 2) -> Folder:
    """So many images in every folder, all different, as settings."""
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for k in range(count):
            picture(100 + next(number), 4, 4, 3).save(root / folder / f"{k}.png")
    return Folder(path=str(root))


def both(settings: Folder) -> tuple[ImageSet, ImageSet]:
    """Training and held-out images."""
    return load(settings, "train"), load(settings, "held_out")
