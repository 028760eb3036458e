"""Packages that not everybody needs, and the extra of ours that installs each of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from steergan.errors import SteerganError

EXTRAS = {
    "click": "train",
    "jinja2": "train",
    "matplotlib": "train",
    "PIL": "train",
    "pydantic": "train",
    "pydantic_core": "train",
    "safetensors": "train",
    "sklearn": "train",
    "tomli_w": "train",
    "tqdm": "train",
    "h5py": "data",
    "skimage": "data",
    "tifffile": "data",
    "torchvision": "data",
    "cleanfid": "metrics",
    "submitit": "slurm",
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "export",
}
"""Name of a package as it is imported -> the extra. escnn has none: what pip makes of it, see docs/guide/install.md."""


class MissingPackageError(SteerganError, ImportError):
    """Something was asked for that needs a package which is not installed."""

    exit_code = 2


@contextmanager
def needed_by(user: str) -> Iterator[None]:
    """Import inside what `user` needs; a package of an extra that is missing is named in one line.

    Args:
        user: what can't work without, for the line.

    Raises:
        MissingPackageError: a package of `EXTRAS` is not installed.

    Examples:
        >>> with needed_by("drawing curves"):
        ...     from matplotlib.figure import Figure
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = missing_package(error, user)
        if missing is None:
            raise
        raise missing from None


def missing_package(error: ImportError, user: str) -> MissingPackageError | None:
    """The line for an import that failed; None if no extra of ours installs what was imported.

    Examples:
        >>> print(missing_package(ModuleNotFoundError("", name="h5py.defs"), "LYSTO's file"))
        LYSTO's file needs h5py, which is not installed: pip install "steergan[data]"
    """
    package = (error.name or "").partition(".")[0]
    extra = EXTRAS.get(package)
    if extra is None:
        return None
    line = f'{user} needs {package}, which is not installed: pip install "steergan[{extra}]"'
    return MissingPackageError(line, name=package)
