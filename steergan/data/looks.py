"""Every file of a user's folder is looked at before anything is made of it: what it holds, and what is in the way."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from steergan.data.collection import Collection, Fault, Member, collect, refuse_faults
from steergan.data.fitting import Size, commonest, fitted
from steergan.data.images import Pixels
from steergan.data.picture_files import Reading, as_pixels, decode, read_picture, reading_of
from steergan.data.plan import LeftOut
from steergan.data.unpacking import resolve_images
from steergan.errors import DataError
from steergan.progress import Progress, unheard
from steergan.recipe import DataSettings

DAMAGED = ("not readable", "mend or remove them, or leave them out by data.skip_damaged = true (--skip-damaged)")
FITS = 'data.fit = "crop", "resize" or "pad" (--fit) makes one size of all, data.size says how large'


class Look(NamedTuple):
    """What is in an image file."""

    size: Size
    """(H, W)."""
    gray: bool
    dtype: str
    extremes: tuple[float, float]
    """Least and largest value; (0, 255) where nobody asks for those of 8 bits."""
    traits: tuple[str, ...]


@dataclass(frozen=True)
class Chosen:
    """The images that a set is made of, and how.

    Args:
        members: which.
        image_shape: (C, H, W) that all become.
        fit: how they get there.
        reading: how files are read.
        left_out: files that are not among them.
        notes: what was done to them, in words.
        example: the name of a file whose image has this size as it is.
    """

    members: Sequence[Member]
    image_shape: tuple[int, int, int]
    fit: str
    reading: Reading
    left_out: Sequence[LeftOut]
    notes: Sequence[str]
    example: str

    def read(self, path: Path) -> Pixels:
        """One image, uint8 (C, H, W)."""
        channels, *size = self.image_shape
        picture = read_picture(path, self.reading).convert("L" if channels == 1 else "RGB")
        return as_pixels(fitted(picture, (size[0], size[1]), self.fit, self.reading.background))


def choose(found: Collection, settings: DataSettings, progress: Progress = unheard) -> Chosen:
    """Look at every file, and settle channels, size and range of the set by those that can be read.

    Gray if all images are, else RGB. Without `data.size`, the commonest size is everybody's.

    Args:
        found: the images.
        settings: with `size`, `fit`, `range`, `background` and `skip_damaged`.
        progress: hears of files.

    Raises:
        DataError: all that is in the way, in one line.
    """
    looks, faults, left_out = look_at_all(found, settings, progress)
    seen = list(looks.values())
    size = size_of(seen, settings)
    faults += odd_sizes(found, looks, size, settings) + odd_depths(found, looks, settings)
    refuse_faults(found.root, faults, len(found.members))
    reading = reading_for(seen, settings)
    channels = 1 if all(one.gray for one in seen) else 3
    notes = [*found.notes, *gray_notes(seen), *notes_on(seen, size, settings, reading)]
    example = next((found.name(member.path) for member, one in looks.items() if one.size == size), "")
    return Chosen(list(looks), (channels, *size), settings.fit, reading, left_out, notes, example)


def size_of(looks: Sequence[Look], settings: DataSettings) -> Size:
    """What images are made of one size to: `data.size`, or the commonest."""
    return (settings.size, settings.size) if settings.size else commonest([one.size for one in looks])


def reading_for(looks: Sequence[Look], settings: DataSettings) -> Reading:
    """How files are read, with the extremes of all of them where `data.range` is "minmax"."""
    reading = reading_of(settings)
    if settings.range != "minmax":
        return reading
    low, high = zip(*(one.extremes for one in looks), strict=True)
    return replace(reading, extent=(min(low), max(high)))


def look_at_all(
    found: Collection, settings: DataSettings, progress: Progress = unheard
) -> tuple[dict[Member, Look], list[Fault], list[LeftOut]]:
    """What is in every image that can be read, all that is in the way so far, and what is left out.

    Raises:
        DataError: no image can be read.
    """
    reading = reading_of(settings)
    looks, faults, left_out = dict[Member, Look](), list(found.faults), list(found.left_out)
    for done, member in enumerate(found.members):
        try:
            looks[member] = look(member.path, reading, settings.range == "minmax")
        except DataError as error:
            reason = str(error).removeprefix(f"{member.path}: ").removesuffix("; replace or remove it")
            if settings.skip_damaged:
                left_out.append(LeftOut(found.name(member.path), reason, found.layout.classes[member.label]))
            else:
                faults.append(Fault(*DAMAGED, found.name(member.path), reason))
        progress(done + 1, len(found.members))
    if not looks:
        refuse_faults(found.root, faults, len(found.members))
        came = f"none of {len(found.members)} images can be read; {left_out[0].name}: {left_out[0].reason}"
        raise DataError(f"{found.root}: {came}; give other images")
    return looks, faults, left_out


class Kinds(NamedTuple):
    """What the images of a folder are like."""

    size: Size
    """The commonest, (H, W)."""
    alike: bool
    """Whether all are of it."""
    depths: tuple[str, ...]
    """Types of values, sorted."""


def kinds_of(settings: DataSettings, progress: Progress = unheard) -> Kinds:
    """What the images that `data.path` names are like.

    Raises:
        DataError: a layout that can be read in two ways, damaged files and the like, but not sizes and depths.
    """
    found = collect(resolve_images(settings.path))
    looks, faults, _ = look_at_all(found, settings, progress)
    refuse_faults(found.root, faults, len(found.members))
    norm = commonest([one.size for one in looks.values()])
    depths = tuple(sorted({one.dtype for one in looks.values()}))
    return Kinds(norm, all(one.size == norm for one in looks.values()), depths)


def look(path: Path, reading: Reading, extremes: bool) -> Look:
    """What is in an image file.

    Raises:
        DataError: it can't be read.
    """
    decoded = decode(path, reading.most_pixels)
    ends = decoded.extremes if extremes or decoded.dtype != np.uint8 else (0.0, 255.0)
    return Look(decoded.size, decoded.gray, decoded.dtype.name, ends, decoded.traits)


def odd_sizes(found: Collection, looks: Mapping[Member, Look], size: Size, settings: DataSettings) -> list[Fault]:
    """Images that need a choice to become of one size, where none was made."""
    if settings.fit != "auto":
        return []
    height, width = size
    if settings.size:
        odd = [member for member, one in looks.items() if one.size[0] != one.size[1]]
        kind = f"no squares, which data.size = {settings.size} alone would need"
    else:
        odd = [member for member, one in looks.items() if one.size != size]
        kind = f"of another size than {width} x {height}, the commonest"
    return [
        Fault(kind, FITS, found.name(member.path), f"{looks[member].size[1]} x {looks[member].size[0]}")
        for member in odd
    ]


def odd_depths(found: Collection, looks: Mapping[Member, Look], settings: DataSettings) -> list[Fault]:
    """Images whose values need a choice to become bytes, where none was made, or one that doesn't suit all."""
    kinds = Counter(one.dtype for one in looks.values())
    if settings.range == "auto":
        odd = {member: one for member, one in looks.items() if one.dtype != "uint8"}
        low, high = zip(*[one.extremes for one in odd.values()] or [(0, 0)], strict=True)
        kind = "of more than 8 bits a channel"
        remedy = (
            'say which values become black and white by data.range (--range): "dtype" (all that such files can hold)'
        )
        if len(kinds) == 1:
            span = f"from {min(low):g} to {max(high):g}, what these hold"
            remedy += f', "minmax" ({span}) or [low, high] (--range LOW,HIGH)'
        else:
            remedy += ", which alone suits several types; or separate them"
    elif settings.range != "dtype" and len(kinds) > 1:
        main = kinds.most_common(1)[0][0]
        odd = {member: one for member, one in looks.items() if one.dtype != main}
        kind, remedy = f"not of {main} as the others", 'only data.range = "dtype" suits several types; or separate them'
    else:
        return []
    return [
        Fault(kind, remedy, found.name(member.path), f"{one.dtype}, {one.extremes[0]:g} to {one.extremes[1]:g}")
        for member, one in odd.items()
    ]


def gray_notes(looks: Sequence[Look]) -> list[str]:
    """What becomes of gray images among others, in words."""
    gray = sum(one.gray for one in looks)
    return [f"gray beside colour, made RGB: {gray}"] if 0 < gray < len(looks) else []


def notes_on(looks: Sequence[Look], size: Size, settings: DataSettings, reading: Reading) -> list[str]:
    """What is done to the images, in words."""
    notes = [f"{trait}: {count}" for trait, count in Counter(t for one in looks for t in one.traits).items()]
    others = [one.size for one in looks if one.size != size]
    if others:
        how = settings.fit if settings.fit != "auto" else "resize"
        smaller = sum(one[0] < size[0] or one[1] < size[1] for one in others)
        larger = f", {smaller} of them enlarged" * bool(smaller)
        notes.append(f"of other sizes, made {size[1]} x {size[0]} ({how}): {len(others)}{larger}")
    deep = Counter(one.dtype for one in looks if one.dtype != "uint8")
    if settings.range != "auto":
        what = "all that their type can hold" if reading.extent == "dtype" else "{:g} to {:g}".format(*reading.extent)
        types = "; ".join(f"{dtype}: {count}" for dtype, count in deep.items()) or f"uint8: {len(looks)}"
        notes.append(f"{what} becomes 0 to 255; {types}")
    return notes
