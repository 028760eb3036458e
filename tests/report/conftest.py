"""A page that several tests look at."""

from pathlib import Path

import pytest

from steergan.report import Page, report_page
from steergan.study import Study
from tests.study.studies import pretended_study


@pytest.fixture(scope="session")
def page(tiny_run: Path) -> Page:
    """Of the tiny run."""
    return report_page(tiny_run)


@pytest.fixture
def pretended(tmp_path: Path) -> tuple[Study, Path]:
    """A study whose runs are made up, and the folder that they are in."""
    return pretended_study(tmp_path)
