"""Image files to project, and the folders that say what came out."""

import io
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from steergan import files
from steergan.data.picture_files import Reading, as_pixels, read_picture, reading_of
from steergan.errors import DataError, RunError
from steergan.files import AnyPath
from steergan.pictures import grid, png_bytes
from steergan.progress import Progress, portion, unheard
from steergan.run.load import LoadedRun
from steergan.run.projecting import Projection, Search, labels_to_try, project

MARK = "projection.json"
"""What tells a projection's folder from others."""


def project_files(
    run: LoadedRun,
    paths: Sequence[AnyPath],
    out: AnyPath,
    classes: Sequence[int] | None = None,
    search: Search | None = None,
    progress: Progress = unheard,
    device: str = "cpu",
) -> Iterator[dict[str, Any]]:
    """Project image files, and write a folder for each, whole or not at all.

    In `OUT/NAME` of an image NAME.png lie comparison.png (image, projection, and their absolute difference),
    projection.png, latent.npz (`z`, `label` and, where the latent is symmetrized, `element`) and projection.json, which
    is the record. All images and folders are looked at before the first is projected.

    Args:
        run: what `load_run` gave.
        paths: of images.
        out: the folder of the folders.
        classes: labels to try, see `project`.
        search: how.
        progress: hears of images that were computed.
        device: where to compute.

    Yields:
        A record for each image, once its folder is written: error, label, element, files, seconds.

    Raises:
        DataError: an image can't be read, or has another size or other channels than the run's.
        RunError: classes, or folders that are something else or can't be written.
    """
    search, out = search or Search(), Path(out)
    labels_to_try(run.generator, classes)
    images = [read_image(Path(path), run) for path in paths]
    folders = [out / name for name in own_names(paths)]
    for folder in folders:
        files.require_own(folder, MARK, "projection")
    for number, (path, image, folder) in enumerate(zip(paths, images, folders, strict=True)):
        began = time.perf_counter()
        heard = shifted(progress, number, len(paths))
        (found,) = project(run, image[None], classes, search, progress=heard, device=device)
        record = {
            "image": str(path),
            **described(found, run),
            "latent": str(folder / "latent.npz"),
            "picture": str(folder / "comparison.png"),
            "step": run.step,
            **search._asdict(),
            "seconds": round(time.perf_counter() - began, 2),
        }
        files.write_folder(folder, contents(image, found, record))
        yield record


def shifted(progress: Progress, number: int, count: int) -> Progress:
    """The progress of one image of several, as that of all."""
    return lambda done, total: portion(progress, number * total, count * total)(done, total)


def read_image(path: Path, run: LoadedRun) -> Tensor:
    """A picture as the run's own are read, uint8 (C, H, W); a gray one has three equal channels if colours are wanted.

    Raises:
        DataError: it can't be read, or has another size or other channels.
    """
    settings, wanted = run.recipe.data, run.generator.image_shape
    reading = reading_of(settings)
    if reading.extent == "minmax":  # of all files of a set, which one image doesn't tell
        reading = Reading("auto", reading.background)
    if not path.exists():
        raise DataError(f"{path}: no such file; an image was wanted")
    pixels = np.array(as_pixels(read_picture(path, reading)))
    size, channels = pixels.shape[1:], len(pixels)
    if size != wanted[1:]:
        raise DataError(
            f"{path}: {size[0]} x {size[1]} pixels came (height x width); the run's images have "
            f"{wanted[1]} x {wanted[2]}; crop or scale it first"
        )
    if channels == 1 and wanted[0] == 3:
        pixels = pixels.repeat(3, axis=0)
    elif channels != wanted[0]:
        advice = "; make it gray first" if wanted[0] == 1 else ""
        raise DataError(f"{path}: channels: {channels} came, the run's images have {wanted[0]}{advice}")
    return torch.from_numpy(pixels)


def own_names(paths: Sequence[AnyPath]) -> list[str]:
    """Names of the images' folders.

    Raises:
        RunError: two images would have one.
    """
    names = [Path(path).stem for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise RunError(
                f"{names.count(name)} images named {name!r} came; each was wanted once, with a name of its own"
            )
    return names


def described(found: Projection, run: LoadedRun) -> dict[str, Any]:
    """What was found, as JSON takes it."""
    return {
        "error": round(found.error, 3),
        "class": run.about.data.class_names[found.label],
        "label": found.label,
        "element": found.element,
        "latent_rms": round(float(found.z.square().mean().sqrt()), 3),
    }


def contents(image: Tensor, found: Projection, record: dict[str, Any]) -> dict[str, bytes]:
    """The files of a projection's folder."""
    latent = io.BytesIO()
    arrays: dict[str, Any] = {"z": found.z.numpy(), "label": np.int64(found.label)}
    if found.element is not None:
        arrays["element"] = np.int64(found.element)
    np.savez(latent, **arrays)
    difference = (image.int() - found.image.int()).abs().to(torch.uint8)
    return {
        "comparison.png": png_bytes(grid(torch.stack([image, found.image, difference]).numpy(), 3)),
        "projection.png": png_bytes(grid(found.image[None].numpy(), 1, scale=1, pad=0)),
        "latent.npz": latent.getvalue(),
        MARK: files.json_bytes(record),
    }
