"""Images from files, prepared once and drawn as pure functions of (seed, step)."""

from steergan.extras import needed_by

with needed_by("steergan.data"):
    from steergan.data.account import MOST_LINES, Account
    from steergan.data.images import ImageSet, Split, checksum
    from steergan.data.inventory import (
        Found,
        originals_bundled,
        originals_found,
        originals_wanted,
        prepared_found,
        unfinished_found,
    )
    from steergan.data.loading import Survey, account_of, load, prepare, survey, take
    from steergan.data.looks import Kinds, kinds_of
    from steergan.data.originals import resolve_path
    from steergan.data.pair import FolderImages, pair_of_folders
    from steergan.data.plan import LeftOut
    from steergan.data.prefetch import Prefetch
    from steergan.data.prepared import Prepared
    from steergan.data.publications import Expected, assumed, expected, image_kind, pair_kind
    from steergan.data.sampler import batch, batch_indices, class_rows, stratified_labels
    from steergan.data.sources import Source, source_of

__all__ = [
    "MOST_LINES",
    "Account",
    "Expected",
    "FolderImages",
    "Found",
    "ImageSet",
    "Kinds",
    "LeftOut",
    "Prefetch",
    "Prepared",
    "Source",
    "Split",
    "Survey",
    "account_of",
    "assumed",
    "batch",
    "batch_indices",
    "checksum",
    "class_rows",
    "expected",
    "image_kind",
    "kinds_of",
    "load",
    "originals_bundled",
    "originals_found",
    "originals_wanted",
    "pair_kind",
    "pair_of_folders",
    "prepare",
    "prepared_found",
    "resolve_path",
    "source_of",
    "stratified_labels",
    "survey",
    "take",
    "unfinished_found",
]
