"""A user's images through a trained translator: of any size, one file each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from steergan.data.pair_layout import HALVES
from steergan.data.pairs import halves
from steergan.data.picture_files import as_pixels, decode, read_picture, reading_of
from steergan.data.tree import images_below
from steergan.errors import RunError, SteerganError
from steergan.files import AnyPath
from steergan.layers import shared_filters
from steergan.pictures import grid, save_png
from steergan.pixels import to_uint8, to_unit
from steergan.randomness import torch_stream
from steergan.recipe.data import Extent
from steergan.run.load import LoadedTranslation, load_translation
from steergan.run.reporting import Reporter
from steergan.training import draw_latents
from steergan.translation import Fit, Tiling, Translator, translated

WHOLE = 1024**2
"""Pixels of the largest image that goes through whole where nothing is said of tiles."""
TILE, OVERLAP = 512, 64
"""Of larger ones."""


@dataclass(frozen=True)
class Wish:
    """How images are translated.

    Args:
        tile: pixels per side of a tile; 0: none, None: 512 for images of more than a megapixel.
        overlap: pixels that neighbouring tiles share at least.
        seed: of dropout's noise, where the translator has dropout.
        device: to compute on.
        half: `left` or `right` of files that hold an input beside an output, of which the input is taken; empty: files
            are inputs.
        range: which values of images become black and white: "dtype", (low, high), or "minmax", of each file by itself;
            None: as the recipe's `data.range` has it, of which "minmax" is of each file by itself, too.
    """

    tile: int | None = None
    overlap: int = OVERLAP
    seed: int = 0
    device: str = "cpu"
    half: str = ""
    range: Extent | None = None


class Written(NamedTuple):
    """What became of the images."""

    files: tuple[Path, ...]
    fits: tuple[Fit, ...]
    left_out: tuple[str, ...]
    """A line about each file that could not be translated."""


def translate(
    run: AnyPath | LoadedTranslation, images: AnyPath, out: AnyPath, *, wish: Wish, report: Reporter, at: str = "last"
) -> Written:
    """Translate an image, or all images in a folder and its sub-folders.

    Args:
        run: a run folder, or what `load_translation` gave.
        images: a file, or a folder.
        out: the folder of the translations, PNG files of the inputs' names.
        wish: how.
        report: is told how far it is.
        at: which of the run's networks, see `load_run`.

    Raises:
        SteerganError: no run that translates, no image, or none that could be translated; a folder that can't be
            written.
    """
    loaded, source, out = load_translation(run, at), Path(images), Path(out)
    root = source if source.is_dir() else source.parent
    files = images_below(source) if source.is_dir() else [source]
    if out.resolve() == root.resolve():
        raise RunError(f"{out}: holds the images themselves; translations want a folder of their own, --out another")
    files = [path for path in files if not path.resolve().is_relative_to(out.resolve())]  # earlier translations
    if not files or not source.exists():
        raise RunError(f"{source}: no image to translate; give an image file, or a folder of them")
    if wish.half not in ("", *HALVES):
        raise RunError(f"half = {wish.half!r}; left, right or nothing was wanted")
    if isinstance(wish.range, tuple) and not wish.range[0] < wish.range[1]:
        raise RunError(f"range {wish.range[0]:g},{wish.range[1]:g}: two numbers with low < high were wanted")
    refuse_same_name(files, root)
    translator = loaded.generator.to(torch.device(wish.device))
    _ = Tiling(translator.multiple, wish.tile or 0, wish.overlap).pixels  # refused before any image is read
    written, fits, left_out = list[Path](), list[Fit](), list[str]()
    with shared_filters(translator):
        for done, path in enumerate(files):
            target = out / path.relative_to(root).with_suffix(".png")
            try:
                picture, fit = translation_of(path, loaded, translator, wish)
            except SteerganError as error:
                left_out.append(str(error))
                continue
            finally:
                report.stage("translating", done + 1, len(files))
            save_png(grid(picture[None].numpy(), 1, scale=1, pad=0), target)
            written.append(target)
            fits.append(fit)
    if not written:
        raise RunError(f"{source}: none of {len(files)} images could be translated; {left_out[0]}")
    return Written(tuple(written), tuple(fits), tuple(left_out))


def translation_of(path: Path, loaded: LoadedTranslation, translator: Translator, wish: Wish) -> tuple[Tensor, Fit]:
    """The translation of a file, uint8 (C, H, W), and how it went through.

    Raises:
        DataError: it can't be read.
        RunError: it has colours, and the translator takes gray images.
    """
    settings = loaded.recipe.data
    if wish.range is not None:
        settings = settings.model_copy(update={"range": wish.range})
    reading = reading_of(settings)
    if reading.extent == "minmax":
        reading = replace(reading, extent=decode(path).extremes)
    picture = read_picture(path, reading)
    if wish.half:
        picture = halves(picture)[HALVES.index(wish.half)]
    channels = translator.input_shape[0]
    if channels == 1 and picture.mode != "L":
        raise RunError(f"{path}: in colour, and this run translates gray images; convert it first")
    image = torch.from_numpy(as_pixels(picture.convert("L" if channels == 1 else "RGB")).copy())
    device = next(translator.parameters()).device
    z = draw_latents(translator, 1, torch_stream(wish.seed, f"translation/{path.stem}")).z.to(device)
    tile = wish.tile
    if tile is None:
        tile = TILE if image.shape[1] * image.shape[2] > WHOLE else 0
    tiling = Tiling(translator.multiple, tile, wish.overlap)
    found, fit = translated(lambda x: translator(z, x), to_unit(image.to(device)), tiling)
    return to_uint8(found).cpu(), fit


def refuse_same_name(files: list[Path], root: Path) -> None:
    """Translations are files of the inputs' names, which differ in more than their endings, then.

    Raises:
        RunError: two don't.
    """
    seen: dict[Path, Path] = {}
    for path in files:
        stem = path.relative_to(root).with_suffix("")
        if stem in seen:
            raise RunError(f"{path} and {seen[stem].name} would have one translation; rename one of them")
        seen[stem] = path


def in_words(written: Written) -> Iterator[str]:
    """What a user is told: how many, and what was done to sizes."""
    padded = [fit for fit in written.fits if any(fit.padded)]
    tiled = [fit for fit in written.fits if fit.tiles > 1]
    if padded:
        most = tuple(max(fit.padded[k] for fit in padded) for k in (0, 1))
        yield f"mirrored at the borders and cropped again, up to {most[0]} rows and {most[1]} columns: {len(padded)}"
    if tiled:
        worst = max(fit.seam for fit in tiled)
        yield (
            f"in tiles: {len(tiled)}; where two overlap they differ by {worst:.2g} of 255 on average at most, "
            "and are blended"
        )
