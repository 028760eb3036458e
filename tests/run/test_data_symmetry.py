"""The verdict about a run's images is kept with the run, and is about its own images."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from steergan.data import ImageSet
from steergan.errors import RunError
from steergan.invariance.data import DataSymmetry
from steergan.run.data_symmetry import FILE, keep_symmetry, kept_symmetry, measure_symmetry, settings_of_run
from steergan.run.folder import RunFolder
from tests.notes import Notes


@pytest.fixture(scope="module")
def tested(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = Path(shutil.copytree(tiny_run, tmp_path_factory.mktemp("tested") / "run"))
    assert kept_symmetry(RunFolder(path)) is None
    measure_symmetry(path, report=Notes())
    return path


def test_the_answer_is_kept(tested: Path) -> None:
    found = kept_symmetry(RunFolder(tested))
    assert found is not None
    assert found.group in ("D4", "C4", "D2", "C2", "D1", "trivial")
    assert found.finding
    assert found.subjects[0].elements[0].element == "the rotation by 90 degrees"
    assert found.images_sha256 == RunFolder(tested).read_about().data.train.checksum


def test_an_answer_about_other_images_or_a_damaged_one_is_refused(tested: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(tested, tmp_path / "run"))
    folder = RunFolder(path)
    settings = settings_of_run(folder)
    other = ImageSet(np.zeros((4, 1, 8, 8), dtype=np.uint8), np.zeros(4, dtype=np.int64), ("0",), "0" * 64)
    found = DataSymmetry("C4", "", (), (), "", "", 1, 1, 0)
    with pytest.raises(RunError, match="trained on other images"):
        keep_symmetry(folder, other, settings, found)
    text = (path / FILE).read_text()
    (path / FILE).write_text(text.replace('"features": "', '"features": "no '))
    with pytest.raises(RunError, match=r"not what was saved.*--symmetry makes it anew"):
        kept_symmetry(folder)
