"""What is known about a source of images; steergan/data/NAME.py says it about the one that recipes call NAME."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from steergan.data.originals import Originals
from steergan.data.plan import Plan
from steergan.recipe import DataSettings

Settings = TypeVar("Settings", bound=DataSettings)


class Published(NamedTuple):
    """What is known of a set without its files."""

    channels: int
    classes: int
    images: int | tuple[int, int]
    """All, which `data.held_out` divides; or those to train on, and those that are held out."""


@dataclass(frozen=True, kw_only=True)
class Source(Generic[Settings]):
    """How one kind of data set is found and made.

    Args:
        find: the original files that settings mean; None if there are none.
        plan: what the images are made from these files, given originals and settings.
        reads_all: whether `plan` looks into every file, and takes a third argument that hears how far it is.
        decided_by: settings that decide about the whole set; `path` and `fraction` never do.
        decided_where_set: settings that decide, too, but only where they are not the default: younger than sets that
            were prepared without them.
        version: counts up when the set is made differently.
        size: pixels per side where `data.size` is 0.
        kind: channels and classes, where they are known without the files.
        inputs: of those channels, how many are a pair's input; 0: there are no pairs, or the files say it.
        published: what its publication says of it; of a set that users bring, None.
        wanted: the original files, in words, for who lacks them.
        bundled: where they are, in words, if an installed package brings them along.
        kept: whether the set has a place on disk; else it is made in memory whenever it is used.
        download: fetches the originals into the cache folder.
        unturned: kinds of originals whose training images are one piece of `TurnedRows`: those that
            `data.turn = "fresh"` turns anew.
        missing: what to do when there are no originals, if that is more than to say what was wanted.
    """

    find: Callable[[Settings], Originals | None]
    plan: Callable[..., Plan]
    decided_by: tuple[str, ...] = ("seed", "held_out")
    decided_where_set: tuple[str, ...] = ()
    reads_all: bool = False
    version: int = 1
    size: int = 0
    kind: tuple[int, int] | None = None
    inputs: int = 0
    published: Published | None = None
    wanted: str = ""
    bundled: str = ""
    kept: bool = True
    download: Callable[[], Path] | None = None
    unturned: tuple[str, ...] = ()
    missing: Callable[[Settings], str] | None = None


def source_of(name: str) -> Source[Any]:
    """The source of a name that recipes may say; its module is imported when it is asked for."""
    source: Source[Any] = import_module(f"steergan.data.{name}").SOURCE
    return source
