"""A user's own images: a folder, with a sub-folder for each class."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from steergan.data.images import Labels, Pixels, Split
from steergan.data.originals import Originals, resolve_path, visible_folders
from steergan.data.plan import Piece, Plan, whole_piece
from steergan.data.sources import Source
from steergan.data.subsets import hold_out
from steergan.errors import DataError
from steergan.recipe.data import Folder

ENDINGS = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".ppm", ".pgm"}
HELD_OUT_NAMES = ("held_out", "test", "val")


def find_folder(settings: Folder) -> Originals:
    """All images below `data.path`, in sorted order; hidden files and other kinds of file are not looked at.

    Raises:
        DataError: no path, no such folder, or no image in it.
    """
    if not settings.path:
        raise DataError('data.name = "folder" needs data.path (--data, --source): a folder, with a sub-folder a class')
    root = resolve_path(settings.path)
    if not root.is_dir():
        raise DataError(f'{root}: is a file; data.name = "folder" needs a folder of images')
    files = tuple(images_below(root))
    if not files:
        raise DataError(f"{root}: no images in it; {', '.join(sorted(ENDINGS))} files were wanted")
    return Originals("folder", root, files)


def images_below(folder: Path) -> list[Path]:
    """Image files in a folder and its sub-folders, sorted by path."""
    found = []
    for place, inside, names in os.walk(folder, followlinks=True):
        inside[:] = [name for name in inside if not name.startswith(".")]
        paths = (Path(place, name) for name in names if not name.startswith("."))
        found += [path for path in paths if path.suffix.lower() in ENDINGS and path.is_file()]
    return sorted(found)


def plan_folder(originals: Originals, settings: Folder) -> Plan:
    """Images of any one size and channel count (gray: 1, colour: 3); classes are the sub-folders in sorted order.

    A folder without sub-folders is one class. Two sub-folders `train` and `held_out` (or `test`, or `val`) are a split
    that is kept; without them `data.held_out` of every class is held out.

    Raises:
        DataError: images beside the class folders, an empty class, classes that differ between the splits; a damaged
            image, or one whose size or channels are not those of the first.
    """
    root = originals.root
    names = [folder.name for folder in visible_folders(root)]
    kept = next((name for name in HELD_OUT_NAMES if sorted(names) == sorted(["train", name])), None)
    if kept:
        classes, train, train_labels = labelled_files(root / "train")
        held_out_classes, held_out, held_out_labels = labelled_files(root / kept)
        if classes != held_out_classes:
            odd = sorted(set(classes) ^ set(held_out_classes))[0]
            raise DataError(f"{root}: train and {kept} must hold the same classes; {odd} is only in one of them")
        rule = f"images in class folders, split by the folders train and {kept}"
    else:
        classes, every, every_label = labelled_files(root)
        parts = hold_out(every_label, settings.held_out, settings.seed, classes)
        train, held_out = ([every[i] for i in part] for part in parts)
        train_labels, held_out_labels = (every_label[part] for part in parts)
        rule = f"images in class folders, {settings.held_out:g} of every class held out, seed {settings.seed}"
    first = originals.files[0]
    shape = read_image(first).shape
    pieces: dict[Split, Sequence[Piece]] = {
        "train": [whole_piece("train", ImageFiles(train, shape, first), train_labels)],
        "held_out": [whole_piece("held_out", ImageFiles(held_out, shape, first), held_out_labels)],
    }
    return Plan((shape[0], shape[1], shape[2]), classes, pieces, rule)


@dataclass(frozen=True)
class ImageFiles:
    """Images that are read from their files when they are asked for, and refused unless they are like the first.

    Args:
        files: one an image.
        image_shape: (C, H, W) of the first.
        first: its file.
    """

    files: Sequence[Path]
    image_shape: tuple[int, ...]
    first: Path

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, C, H, W)."""
        return len(self.files), *self.image_shape

    def __getitem__(self, rows: slice, /) -> Pixels:
        return np.stack([read_like(path, self.image_shape, self.first) for path in self.files[rows]])


def labelled_files(root: Path) -> tuple[tuple[str, ...], list[Path], Labels]:
    """Class names, image files, and the files' classes as int64 (N,)."""
    folders = visible_folders(root)
    if not folders:
        files = images_below(root)
        if not files:
            raise DataError(f"{root}: no images in it; remove the folder, or fill it")
        return (root.resolve().name,), files, np.zeros(len(files), dtype=np.int64)
    beside = [path for path in images_below(root) if path.parent == root]
    if beside:
        raise DataError(f"{beside[0]}: an image beside class folders; move it into one of them")
    members = [images_below(folder) for folder in folders]
    for folder, inside in zip(folders, members, strict=True):
        if not inside:
            raise DataError(f"{folder}: no images in this class folder; remove it, or fill it")
    labels = np.repeat(np.arange(len(members)), [len(inside) for inside in members])
    return tuple(folder.name for folder in folders), [path for inside in members for path in inside], labels


def read_like(path: Path, shape: tuple[int, ...], first: Path) -> Pixels:
    """An image of the same size and channels as the first."""
    image = read_image(path)
    if image.shape != shape:
        came, wanted = (f"{s[2]} x {s[1]} pixels with {s[0]} channel(s)" for s in (image.shape, shape))
        remedy = "all must agree: resize or convert them, or cut patches (data.name = 'patches', or --size)"
        raise DataError(f"{path}: {came}; {first.name} has {wanted}, and {remedy}")
    return image


def read_image(path: Path) -> Pixels:
    """An image file as uint8 (C, H, W), upright as its EXIF note says; palettes and the like become RGB.

    Raises:
        DataError: damaged, several pages, more than 8 bits a channel, or see-through pixels.
    """
    pixels = np.asarray(read_picture(path), dtype=np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def read_picture(path: Path) -> Image.Image:
    """An image file as Pillow's image, gray (mode L) or RGB, decoded and upright.

    Raises:
        DataError: as `read_image`.
    """
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            warnings.simplefilter("ignore")  # Pillow's hints about size and metadata; what matters is raised below
            pages = getattr(image, "n_frames", 1)
            if pages > 1:
                raise DataError(f"{path}: {pages} pages in one file; save each as a file of its own")
            ImageOps.exif_transpose(image, in_place=True)  # a copy of a slide is a gigabyte
            return gray_or_colour(path, image)
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: not a readable image ({error}); replace or remove it") from None


def gray_or_colour(path: Path, image: Image.Image) -> Image.Image:
    """The image in one of the two modes that we keep, gray or RGB."""
    if image.mode.startswith(("I", "F")):
        raise DataError(f"{path}: more than 8 bits a channel (mode {image.mode}); convert it to 8 bits")
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        colour = image.convert("LA" if image.mode in ("L", "LA", "La") else "RGBA")
        if colour.getextrema()[-1] != (255, 255):
            raise DataError(f"{path}: has see-through pixels; put it on a background first")
        image = colour
    return in_mode(image, "L" if image.mode in ("1", "L", "LA") else "RGB")


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The image, decoded, in a mode of Pillow's; no copy if it has that mode."""
    image.load()
    return image if image.mode == mode else image.convert(mode)


SOURCE = Source(find=find_folder, plan=plan_folder, wanted="a folder of images, with a sub-folder a class")
