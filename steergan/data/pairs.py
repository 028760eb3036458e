"""A user's own pairs: an image and what is to become of it, side by side in a file, or of one name in two folders.

An image of the prepared set is a whole pair: the channels of its input, then those of its output.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from steergan.data.collection import Collection, Fault, Member, refuse_faults
from steergan.data.fitting import Size, fitted
from steergan.data.images import SPLITS, Labels, Pixels, Split
from steergan.data.layout import Layout
from steergan.data.looks import Look, gray_notes, look_at_all, notes_on, odd_depths, odd_sizes, reading_for, size_of
from steergan.data.originals import Originals, resolve_path
from steergan.data.pair_layout import HALVES, Pair, PairLayout, named, read_pairs
from steergan.data.picture_files import Reading, as_pixels, read_picture
from steergan.data.plan import Plan, whole_piece
from steergan.data.sources import Source
from steergan.data.subsets import hold_out_exactly
from steergan.data.tree import originals_below
from steergan.errors import DataError
from steergan.progress import Progress, unheard
from steergan.recipe.data import Pairs

CLASSES = ("pairs",)
ODD = ("of an odd width", "a file with two images side by side has halves: cut them, or give two folders")
UNEQUAL = ("whose input and output differ in size", "pairs have to lie on each other pixel by pixel: scale or cut them")
Looks = Mapping[Path, Look]


def find_pairs(settings: Pairs) -> Originals:
    """All images below `data.path`.

    Raises:
        DataError: no path, no such folder, or no image in it.
    """
    wanted = "a folder with files of two images side by side, or with two folders whose files of one name are pairs"
    if not settings.path:
        raise DataError(f'data.name = "pairs" needs data.path (--data, --source): {wanted}')
    root = resolve_path(settings.path)
    if not root.is_dir():
        raise DataError(f'{root}: is a file; data.name = "pairs" needs {wanted}')
    return Originals("pairs", root, originals_below(root))


def plan_pairs(originals: Originals, settings: Pairs, progress: Progress = unheard) -> Plan:
    """Pairs of one size; inputs and outputs are gray if all of them are, else RGB, each for themselves.

    `steergan.data.pair_layout` says which files are pairs. Splits: what folders say; or else `random` (and `auto`), a
    seeded, exact share of the pairs; `group`, whole sub-folders (slides, patients), at least one on each side; `none`.

    Raises:
        DataError: files that can't be read as pairs; whatever is in the way of the images, in one line.
    """
    root, layout = originals.root, read_pairs(originals.root, settings.input)
    found = collection_of(root, layout)
    looks, faults, _ = look_at_all(found, settings, progress)
    by_path, odd = halved({member.path: look for member, look in looks.items()}, layout, root)
    looks = {member: by_path[member.path] for member in looks}
    faults += [*odd, *unequal(layout, by_path)]
    seen = list(looks.values())
    size = size_of(seen, settings)
    faults += odd_sizes(found, looks, size, settings) + odd_depths(found, looks, settings)
    refuse_faults(root, list(dict.fromkeys(faults)), len(by_path))
    reading = reading_for(seen, settings)
    sides = [[by_path[pair.input] for pair in layout.pairs], [by_path[pair.output] for pair in layout.pairs]]
    channels = [1 if all(look.gray for look in side) else 3 for side in sides]
    gray = [
        f"of the {name}, {note}"
        for name, side in zip(("inputs", "outputs"), sides, strict=True)
        for note in gray_notes(side)
    ]
    of = PairFiles((), (channels[0], channels[1]), size, layout.half, settings.fit, reading)
    rows, rule = divided(root, layout.pairs, settings)
    pieces = {
        split: [whole_piece(split, replace(of, pairs=[layout.pairs[i] for i in chosen]), np.zeros_like(chosen))]
        for split, chosen in rows.items()
    }
    notes = [layout.words, *layout.notes, *gray, *notes_on(seen, size, settings, reading)]
    return Plan((sum(channels), *size), CLASSES, pieces, rule, notes=notes, inputs=channels[0])


def collection_of(root: Path, layout: PairLayout) -> Collection:
    """Every file of the pairs once.

    Raises:
        DataError: there is none.
    """
    files = dict.fromkeys(path for pair in layout.pairs for path in (pair.input, pair.output))
    members = tuple(Member(path, 0, None) for path in files)
    if not members:
        refuse_faults(root, layout.faults, 0)
    return Collection(root, Layout(CLASSES, (), layout.words), members, (), layout.faults, ())


def halved(looks: Looks, layout: PairLayout, root: Path) -> tuple[Looks, list[Fault]]:
    """What the images of pairs are like: halves of files that hold both; and the files that have no halves."""
    if layout.half is None:
        return looks, []
    odd = [
        Fault(*ODD, named(root, path), f"{look.size[1]} x {look.size[0]}")
        for path, look in looks.items()
        if look.size[1] % 2
    ]
    return {path: look._replace(size=(look.size[0], look.size[1] // 2)) for path, look in looks.items()}, odd


def unequal(layout: PairLayout, looks: Looks) -> list[Fault]:
    """Pairs whose images don't lie on each other."""
    found = []
    for pair in layout.pairs:
        if pair.input in looks and pair.output in looks:
            (height, width), (other_height, other_width) = looks[pair.input].size, looks[pair.output].size
            if (height, width) != (other_height, other_width):
                sizes = f"{width} x {height} and {other_width} x {other_height}"
                found.append(Fault(*UNEQUAL, pair.name, sizes))
    return found


def divided(root: Path, pairs: Sequence[Pair], settings: Pairs) -> tuple[dict[Split, Labels], str]:
    """Rows of the training and of the held-out pairs, and how they were chosen.

    Raises:
        DataError: folders say what is held out, and so does `data.split`; no sub-folders for `group`; a single pair.
    """
    everything = np.arange(len(pairs))
    said = Counter(pair.split for pair in pairs)
    if settings.split == "none":
        return dict.fromkeys(SPLITS, everything), "pairs, nothing held out, both splits hold all"
    if said["train"] and said["held_out"]:
        if settings.split != "auto" or said[None]:
            came = "pairs beside them" if said[None] else f'data.split = "{settings.split}"'
            raise DataError(f"{root}: folders say what is held out, and {came}; leave out one of them")
        by_split = {split: np.flatnonzero([pair.split == split for pair in pairs]) for split in SPLITS}
        return by_split, "pairs, held out as their folders say"
    if said["held_out"]:
        raise DataError(f"{root}: all pairs lie in folders of held-out ones; add a folder train, or rename theirs")
    try:
        if settings.division == "random":
            chosen = hold_out_exactly(len(pairs), settings.held_out, settings.seed)
            how = f"pairs, {settings.held_out:g} of them held out, drawn at random, seed {settings.seed}"
            return dict(zip(SPLITS, chosen, strict=True)), how
        sources = sorted({pair.source for pair in pairs})
        train, held_out = (
            np.flatnonzero(np.isin([pair.source for pair in pairs], [sources[i] for i in chosen]))
            for chosen in hold_out_exactly(len(sources), settings.held_out, settings.seed)
        )
    except DataError:
        of = "pair" if settings.division == "random" else 'sub-folder of pairs, which data.split = "group" holds out'
        raise DataError(f"{root}: 1 {of}; 2 are needed: one to train on, one to hold out") from None
    how = f"pairs, {settings.held_out:g} of {len(sources)} sub-folders held out, seed {settings.seed}"
    return {"train": train, "held_out": held_out}, how


@dataclass(frozen=True)
class PairFiles:
    """Pairs that are read from their files when they are asked for.

    Args:
        pairs: which.
        channels: of inputs and of outputs.
        size: (H, W) of both.
        half: which half of a file is the input; None: each has a file of its own.
        fit: how images get to the size.
        reading: how files are read.
    """

    pairs: Sequence[Pair]
    channels: tuple[int, int]
    size: Size
    half: str | None
    fit: str
    reading: Reading

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, C, H, W), C being the channels of both."""
        return len(self.pairs), sum(self.channels), *self.size

    def __getitem__(self, rows: slice, /) -> Pixels:
        return np.stack([self.read(pair) for pair in self.pairs[rows]])

    def read(self, pair: Pair) -> Pixels:
        """One pair, uint8 (C, H, W), its input first."""
        if self.half is None:
            both = [read_picture(path, self.reading) for path in (pair.input, pair.output)]
        else:
            both = halves(read_picture(pair.input, self.reading))[:: 1 if self.half == HALVES[0] else -1]
        return np.concatenate(
            [
                as_pixels(fitted(one.convert("L" if c == 1 else "RGB"), self.size, self.fit, self.reading.background))
                for one, c in zip(both, self.channels, strict=True)
            ]
        )


def halves(picture: Image.Image) -> list[Image.Image]:
    """The left and the right half of a picture."""
    middle = picture.width // 2
    return [picture.crop((left, 0, left + middle, picture.height)) for left in (0, middle)]


SOURCE = Source(
    find=find_pairs,
    plan=plan_pairs,
    decided_by=("input", "size", "fit", "range", "background", "split", "seed", "held_out"),
    reads_all=True,
    wanted="a folder of pairs, side by side in files, or of one name in two folders",
)
