"""Images from files, prepared once and drawn as pure functions of (seed, step)."""

from steergan.data.cifar10 import download_cifar10
from steergan.data.images import ImageSet, Progress, Split, checksum
from steergan.data.inventory import Found, originals_found, prepared_found, unfinished_found
from steergan.data.loading import Survey, image_kind, load, prepare, survey, take
from steergan.data.originals import resolve_path
from steergan.data.prefetch import Prefetch
from steergan.data.prepared import Prepared
from steergan.data.rotmnist import download_mnist
from steergan.data.sampler import batch, batch_indices, class_rows, stratified_labels

__all__ = [
    "Found",
    "ImageSet",
    "Prefetch",
    "Prepared",
    "Progress",
    "Split",
    "Survey",
    "batch",
    "batch_indices",
    "checksum",
    "class_rows",
    "download_cifar10",
    "download_mnist",
    "image_kind",
    "load",
    "originals_found",
    "prepare",
    "prepared_found",
    "resolve_path",
    "stratified_labels",
    "survey",
    "take",
    "unfinished_found",
]
