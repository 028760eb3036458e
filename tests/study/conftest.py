"""Studies as fixtures."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from steergan.study import Study, read_study
from tests.study.studies import pretended_study, write_study, write_tiny_study


@pytest.fixture
def tiny_study(tmp_path: Path) -> Callable[..., Path]:
    """Writes a study of three runs that are trained in a moment, of so many steps."""
    return partial(write_tiny_study, tmp_path)


@pytest.fixture
def grid(tmp_path: Path) -> Study:
    """Four cells and two seeds."""
    return read_study(write_study(tmp_path))


@pytest.fixture
def pretended(tmp_path: Path) -> tuple[Study, Path]:
    """The same with runs that are made up, and the folder that they are in."""
    return pretended_study(tmp_path)
