"""What a source is going to give, before a pixel is made: so that large sets can go to disk piece by piece."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from steergan.data.images import Labels, Pixels, Split


class PixelRows(Protocol):
    """uint8 (n, C, H, W), or what makes such rows when they are sliced: an array, or patches of one large image."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, C, H, W)."""

    def __getitem__(self, rows: slice, /) -> Pixels:
        """Some of the rows, uint8."""


class LeftOut(NamedTuple):
    """A file that a set doesn't have."""

    name: str
    reason: str
    class_name: str = ""
    """Empty: none is known."""


@dataclass(frozen=True)
class Piece:
    """A part of a set that is read at once: a file, or rows of one; a small set is one piece a split.

    Args:
        name: for messages: the file, and which part of it.
        count: images in it, at most.
        load: uint8 (n, C, H, W) and int64 (n,) labels, n <= count; raises DataError if it can't be read.
        label: of all its images, where they are of one class; None: not known before it is loaded.
    """

    name: str
    count: int
    load: Callable[[], tuple[PixelRows, Labels]]
    label: int | None = None


@dataclass(frozen=True)
class Plan:
    """The pieces of both splits, in order.

    Args:
        image_shape: (C, H, W).
        class_names: K names.
        pieces: per split. The very same sequence under both splits is written once.
        rule: how the images and the split were made, in words.
        divide: for a split over single images: labels (N,) of all images that came -> sorted rows of the training and
            of the held-out ones. All pieces stand under "train" then.
        copies: consecutive images that show one original (they stay together when a share of the set is taken).
        advice: what to do when a class came out empty because damaged pieces were left out. Empty: no piece is left
            out, a damaged one is an error, and every piece has as many images as it says.
        left_out: files that are in no piece.
        notes: what was understood of the files beside the rule, in words.
        example: the name of a file whose image has this shape as it is.
        inputs: of a set of pairs, how many of the channels, the first ones, are the input's; 0: it has no pairs.
    """

    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    pieces: Mapping[Split, Sequence[Piece]]
    rule: str
    divide: Callable[[Labels], tuple[Labels, Labels]] | None = None
    copies: int = 1
    advice: str = ""
    left_out: Sequence[LeftOut] = ()
    notes: Sequence[str] = ()
    example: str = ""
    inputs: int = 0


def whole_piece(split: Split, rows: PixelRows, labels: Labels) -> Piece:
    """All images of a split, as one piece.

    Args:
        split: its name.
        rows: uint8 (n, C, H, W).
        labels: int64 (n,).
    """
    return Piece(split, len(labels), lambda: (rows, labels))


@dataclass(frozen=True, eq=False)
class ChosenRows:
    """Some images of an array, copied when they are sliced.

    Args:
        images: uint8 (N, C, H, W).
        chosen: which of them, in order, int64 (n,).
    """

    images: Pixels
    chosen: Labels

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, C, H, W)."""
        return len(self.chosen), *self.images.shape[1:]

    def __getitem__(self, rows: slice, /) -> Pixels:
        return self.images[self.chosen[rows]]
