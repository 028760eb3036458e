"""The `[data]` section of a recipe."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from steergan.section import Section

Split = Literal["auto", "random", "group", "right", "none"]
SPLITS_TAKEN: Mapping[str, tuple[Split, ...]] = {
    "patches": ("group", "random", "right", "none"),
    "anhir": ("group", "random", "none"),
    "lysto": ("random", "none"),
    "galaxies": ("right", "random", "none"),
}
"""Splits beside `auto` that a source can make; the first one is what `auto` means there."""

TAKEN_BY: Mapping[str, tuple[str, ...]] = {
    "size": ("patches", "anhir", "lysto", "cifar10", "food101", "galaxies"),
    "stride": ("patches",),
    "foreground": ("patches", "anhir"),
}
"""Sources that take a key."""


class DataSettings(Section):
    """Which images, and how much of them."""

    name: Literal["rotmnist", "digits", "folder", "npz", "patches", "anhir", "lysto", "cifar10", "food101", "galaxies"]
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
    split: Split = "auto"
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

    @field_validator("size", "stride", "foreground", "split")
    @classmethod
    def is_taken_by_the_source(cls, value: Any, info: ValidationInfo) -> Any:
        name, key = info.data.get("name"), str(info.field_name)
        if name is None or value == cls.model_fields[key].default:
            return value
        if key == "split":
            if value not in SPLITS_TAKEN.get(name, ()):
                wanted = " or ".join(f'"{split}"' for split in ("auto", *SPLITS_TAKEN.get(name, ())))
                raise PydanticCustomError("split", "{wanted} with data.name = {name}", {"wanted": wanted, "name": name})
        elif name not in TAKEN_BY[key]:
            raise PydanticCustomError("key", "no such key with data.name = {name}; leave it out", {"name": name})
        return value
