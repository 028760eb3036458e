"""Which symmetry a run's training images have: tested when it is asked for, and kept in the run's folder."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from steergan import data
from steergan.data import ImageSet
from steergan.errors import RunError, reason
from steergan.files import AnyPath, json_bytes, write_whole
from steergan.invariance.data import DataSymmetry, caveat, data_symmetry
from steergan.recipe import DataSettings
from steergan.run.folder import RunFolder
from steergan.run.reporting import Reporter, Silence
from steergan.seals import read_table, sealed

FILE = "data-symmetry.json"


class Law(BaseModel):
    """What was found of one element."""

    model_config = ConfigDict(extra="ignore")
    element: str
    adjusted_p_value: float
    effect: float


class Tested(BaseModel):
    """What was found of a class, or of all together."""

    model_config = ConfigDict(extra="ignore")
    name: str
    count: int
    elements: tuple[Law, ...]


class KeptSymmetry(BaseModel):
    """The verdict about a run's training images."""

    model_config = ConfigDict(extra="ignore")
    group: str
    finding: str
    features: str
    permutations: int
    caveat: str
    images_sha256: str
    subjects: tuple[Tested, ...]


def settings_of_run(folder: RunFolder, data_path: str | None = None) -> DataSettings:
    """What a run's recipe says of its images, where they were found."""
    settings, path = folder.read_recipe().data, data_path or folder.read_about().data.path
    return settings if path is None else settings.model_copy(update={"path": path})


def measure_symmetry(path: AnyPath, *, data_path: str | None = None, report: Reporter | None = None) -> DataSymmetry:
    """Test which symmetry a run's training images have, and keep the answer in the run's folder.

    Args:
        path: of the run folder.
        data_path: where the originals are now; None: where they were.
        report: hears of what takes a while.

    Raises:
        SteerganError: no run; its images can't be found, are others, or are not square.
    """
    folder, told = RunFolder(Path(path)), report or Silence()
    settings = settings_of_run(folder, data_path)
    prepared = data.prepare(settings, partial(told.stage, f"preparing {settings.name}"))
    images = data.take(prepared, settings, "train")
    found = data_symmetry(images, copies=prepared.copies, progress=partial(told.stage, "symmetry of the images"))
    keep_symmetry(folder, images, settings, found)
    return found


def keep_symmetry(folder: RunFolder, images: ImageSet, settings: DataSettings, found: DataSymmetry) -> Path:
    """Keep what was found of a run's training images.

    Raises:
        RunError: they are not those that the run was trained on; or nothing can be written there.
    """
    trained_on = folder.read_about().data.train.checksum
    if images.checksum != trained_on:
        raise RunError(f"{folder.path}: trained on other images (checksum {trained_on[:16]}) than these")
    about = {"images_sha256": images.checksum, "caveat": caveat(settings.name)}
    write_whole(folder.path / FILE, json_bytes(sealed({**asdict(found), **about})))
    return folder.path / FILE


def kept_symmetry(folder: RunFolder) -> KeptSymmetry | None:
    """What was found of a run's training images, if anybody asked.

    Raises:
        RunError: the file is damaged, or about other images.
    """
    path = folder.path / FILE
    if not path.exists():
        return None
    again = f"steergan report {folder.path} --symmetry makes it anew"
    try:
        found = KeptSymmetry.model_validate(read_table(path))
    except ValidationError as error:
        raise RunError(f"{path}: {error.errors()[0]['loc'] or 'it'} can't be read; {again}") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({reason(error)}); {again}") from None
    if found.images_sha256 != folder.read_about().data.train.checksum:
        raise RunError(f"{path}: is about other images than this run's; {again}")
    return found
