"""Loading gives what a survey says, from the cache where the set is prepared."""

import os
from pathlib import Path

import numpy as np
import pytest

from steergan.data import load, loading, prepare, prepared_found, survey
from steergan.errors import DataError
from steergan.recipe.data import SOURCES, Lysto, Npz, RotMNIST

IMAGES = np.random.default_rng(0).integers(0, 256, (200, 1, 16, 16), dtype=np.uint8)
LABELS = np.arange(200) % 2


@pytest.fixture
def settings(cache: Path, tmp_path: Path) -> Npz:
    """Two classes of noise."""
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS)
    return Npz(path=str(tmp_path / "x.npz"))


def write_npz(folder: Path) -> str:
    draw = np.random.default_rng(0)
    path = folder / "images.npz"
    np.savez(path, images=draw.integers(0, 255, (60, 9, 9), dtype=np.uint8), labels=np.arange(60) % 3)
    return str(path)


@pytest.mark.parametrize("fraction", [1.0, 0.5])
@pytest.mark.parametrize("name", ["digits", "npz"])
def test_survey_agrees_with_what_is_loaded(name: str, fraction: float, tmp_path: Path) -> None:
    path = write_npz(tmp_path) if name == "npz" else ""
    settings = SOURCES[name](path=path, fraction=fraction)
    found, train = survey(settings), load(settings, "train")
    assert (found.image_shape, found.class_names, found.train) == (train.image_shape, train.class_names, len(train))
    assert found.held_out == len(load(settings, "held_out"))


def test_survey_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("STEERGAN_CACHE", str(cache))
    survey(Npz(path=write_npz(tmp_path)))
    assert not cache.exists()


@pytest.mark.skipif("STEERGAN_DATA" not in os.environ, reason="STEERGAN_DATA names no folder with MNIST")
def test_rotated_mnist_is_surveyed_without_preparing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    found = survey(RotMNIST(fraction=0.1))
    assert (found.image_shape, len(found.class_names), found.train, found.held_out) == ((1, 28, 28), 10, 1200, 50_000)
    assert not (tmp_path / "cache").exists()


def test_second_time_nothing_is_made_again(settings: Npz, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(settings, "train")
    monkeypatch.setattr("steergan.data.loading.write_prepared", lambda *a: pytest.fail("prepared again"))
    again = load(settings, "train")
    assert again.checksum == first.checksum
    np.testing.assert_array_equal(again.images, first.images)
    assert isinstance(again.images.base, np.memmap)
    assert not again.images.flags.writeable


def test_other_settings_make_another_set(settings: Npz) -> None:
    checksums = {load(settings.model_copy(update=u), "train").checksum for u in ({}, {"seed": 1}, {"held_out": 0.5})}
    assert len(checksums) == len(prepared_found()[1]) == 3


def test_changed_original_is_not_served_stale(settings: Npz) -> None:
    before = load(settings, "train")
    np.savez(settings.path, images=255 - IMAGES, labels=LABELS)
    np.testing.assert_array_equal(load(settings, "train").images, 255 - before.images)


def test_unknown_split_is_refused(settings: Npz) -> None:
    with pytest.raises(ValueError, match="held_out"):
        load(settings, "test")  # type: ignore[arg-type]


def test_a_set_whose_originals_are_gone_is_not_taken_for_the_masked_one(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Lysto()
    masked = plain.model_copy(update={"disk": True})
    made = {"name": "lysto", "rule_version": 1, "kind": "lysto", **loading.deciding(masked)}
    monkeypatch.setattr(loading, "prepared_manifests", lambda: [(Path("somewhere"), made)])
    monkeypatch.setattr(loading, "read_prepared", lambda folder: folder)
    monkeypatch.delenv("STEERGAN_DATA", raising=False)
    assert prepare(masked) == Path("somewhere")  # type: ignore[comparison-overlap]
    with pytest.raises(DataError, match="no originals"):
        prepare(plain)
