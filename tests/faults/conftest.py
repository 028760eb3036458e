"""What several of these tests stand on."""

from pathlib import Path

import pytest

from tests.run.conftest import half

__all__ = ["half"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache for one test, and no STEERGAN_DATA."""
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STEERGAN_DATA", raising=False)
    return tmp_path / "cache"
