"""The `[data]` section of a recipe: one class a source of images, told apart by `name`."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from steergan.section import Section

Division = Literal["auto", "random", "group", "right", "none"]
"""What decides which images are held out."""


class DataSettings(Section):
    """Which images, and how much of them: the keys that all sources share, each with a value that every source takes.

    A source says in `takes` and `divisions` where it lets a recipe choose.
    """

    takes: ClassVar[tuple[str, ...]] = ()
    """Of `size`, `stride` and `foreground`."""
    divisions: ClassVar[tuple[Division, ...]] = ()
    """Values of `split` beside `auto`; the first one is what `auto` means."""
    needs_path: ClassVar[bool] = False
    """Whether `path` must say where the originals are: there is nothing to know them by."""

    name: str = ""
    path: str = ""
    """File or folder with the originals; empty: searched for in STEERGAN_DATA. `folder`, `npz` and `patches` need it.
    `scikit-image:ihc.png` is a photograph that scikit-image bundles; `galaxies` takes its Hubble
    photograph where nothing is named."""
    size: Annotated[int, Field(ge=0)] = 0
    """Pixels per side of a patch or image; 0: the source's own (patches, anhir 128, lysto 256, food101 64,
    galaxies 32)."""
    stride: Annotated[int, Field(ge=0)] = 0
    """Pixels from one patch to the next (patches); 0: as `size`, so that patches don't overlap."""
    foreground: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Least share of foreground in a patch (patches, anhir); 0: every patch is taken."""
    split: Division = "auto"
    """What is held out. `auto`: the source's own way (official: rotmnist, cifar10, food101; `group`: patches, anhir;
    `right`: galaxies; else a seeded share of every class). `group`: whole source images (patches), whole lesions
    (anhir). `random`: single patches, images or sources. `right`: the right part of every large image. `none`: nothing,
    both splits hold all images."""
    disk: bool = False
    """Every image is black outside its inscribed disk, so that nothing leaves the picture when it turns."""
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of the training split that is used: nested, class-stratified subsets of one seeded order."""
    seed: int = 0
    """Of the split, the subset and (rotmnist, digits) the angles; not of the training."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share that is kept for evaluation: of every class, or of what `split` names; official splits ignore it."""

    @property
    def division(self) -> Division:
        """`split`, with what `auto` means in this source where it is one of several ways."""
        return self.divisions[0] if self.split == "auto" and self.divisions else self.split

    @field_validator("size", "stride", "foreground", "split")
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
        elif key not in cls.takes:
            raise PydanticCustomError("key", "no such key with data.name = {name}; leave it out", {"name": name})
        return value


class RotMNIST(DataSettings):
    """Digits of MNIST, each turned by an angle of its own."""

    name: Literal["rotmnist"] = "rotmnist"


class Digits(DataSettings):
    """scikit-learn's small digits, turned."""

    name: Literal["digits"] = "digits"


class Folder(DataSettings):
    """A user's images in class folders."""

    needs_path = True
    name: Literal["folder"] = "folder"


class Npz(DataSettings):
    """A user's arrays."""

    needs_path = True
    name: Literal["npz"] = "npz"


class Patches(DataSettings):
    """Patches of a user's large images."""

    takes = ("size", "stride", "foreground")
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


AnySource = RotMNIST | Digits | Folder | Npz | Patches | Anhir | Lysto | Cifar10 | Food101 | Galaxies
"""The list of sources: steergan/data/NAME.py says how each is found and made."""

SOURCES: Mapping[str, type[DataSettings]] = {one.model_fields["name"].default: one for one in get_args(AnySource)}
