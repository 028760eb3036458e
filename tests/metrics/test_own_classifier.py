"""A run's own classifier: trained once for the same images, whoever asks, and never from the beginning twice."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from steergan.errors import DataError
from steergan.metrics import ClassifierTraining, OwnClassifier, read_class_names, weights_sha256
from tests.metrics.drawn import labelled, noise, shades

SHORT = ClassifierTraining(widths=(2, 2), features=3, updates=(4, 4))
IMAGES = labelled(*shades(12), checksum="ab12")


class Stop(BaseException):
    """What Ctrl-C raises."""


def stop_after(update: int) -> object:
    def hear(done: int, total: int) -> None:
        if done == update:
            raise Stop

    return hear


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnClassifier:
    """Of four updates, in a folder and in a cache of its own."""
    monkeypatch.setattr("steergan.metrics.classifier_training.ClassifierTraining", lambda: SHORT)
    (tmp_path / "run").mkdir()
    return OwnClassifier(IMAGES, tmp_path / "run" / "classifier.safetensors", cache=tmp_path / "cache")


def heard(own: OwnClassifier) -> list[int]:
    """The updates that getting it takes."""
    seen = list[int]()
    own.get(lambda done, total: seen.append(done))
    return seen


def test_it_is_trained_once_and_kept_with_its_classes(own: OwnClassifier) -> None:
    assert not own.is_kept
    assert heard(own) == [1, 2, 3, 4]
    assert own.is_kept
    assert read_class_names(own.path) == ("class-0", "class-1")
    assert heard(own) == []


def test_another_run_on_the_same_images_takes_it_from_the_cache(own: OwnClassifier, tmp_path: Path) -> None:
    first = own.get()
    again = replace(own, path=tmp_path / "other.safetensors")
    assert heard(again) == []
    assert weights_sha256(again.get()) == weights_sha256(first)


@pytest.mark.parametrize("change", [{"seed": 1}, {"updates": 5}, {"images": labelled(*shades(12), checksum="cd34")}])
def test_what_decides_about_it_has_a_name_of_its_own(own: OwnClassifier, change: dict[str, object]) -> None:
    own.get()
    other = replace(own, **change)  # type: ignore[arg-type]
    assert other.key != own.key
    assert not other.is_kept
    assert len(heard(other)) == other.settings.updates_for(12)


def test_its_name_is_the_same_on_every_machine(own: OwnClassifier, tmp_path: Path) -> None:
    assert replace(own, path=tmp_path / "b", cache=tmp_path / "c", device="cuda").key == own.key


@pytest.mark.parametrize("cache", [True, False])
def test_a_training_that_is_stopped_goes_on_to_the_same_bits(own: OwnClassifier, cache: bool, tmp_path: Path) -> None:
    own = replace(own, cache=own.cache if cache else None)
    whole = replace(own, path=tmp_path / "whole.safetensors", cache=None).get()
    with pytest.raises(Stop):
        own.get(stop_after(2))  # type: ignore[arg-type]
    assert not own.is_kept
    assert heard(own) == [3, 4]
    assert weights_sha256(own.get()) == weights_sha256(whole)
    assert list(tmp_path.rglob("*.partial-training")) == []


def test_a_damaged_state_is_not_gone_on_with(own: OwnClassifier) -> None:
    with pytest.raises(Stop):
        own.get(stop_after(3))  # type: ignore[arg-type]
    state = own.state_files[0]
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    assert heard(own) == [1, 2, 3, 4]


def test_a_damaged_file_in_the_cache_is_made_anew(own: OwnClassifier, tmp_path: Path) -> None:
    own.get()
    assert own.cached is not None
    own.cached.write_bytes(own.cached.read_bytes()[:-9])
    assert heard(replace(own, path=tmp_path / "other.safetensors")) == [1, 2, 3, 4]
    assert heard(replace(own, path=tmp_path / "third.safetensors")) == []


def test_a_cache_that_cannot_be_written_costs_time_and_no_run(own: OwnClassifier, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert heard(own) == [1, 2, 3, 4]
    assert own.is_kept


def test_two_that_want_it_at_once_train_it_once(own: OwnClassifier, tmp_path: Path) -> None:
    seen, began, waited = list[int](), threading.Event(), threading.Event()

    def slowly(done: int, total: int) -> None:
        seen.append(done)
        began.set()
        assert waited.wait(60)

    first = threading.Thread(target=own.get, args=(slowly,))
    first.start()
    assert began.wait(60)
    other, waiting = replace(own, path=tmp_path / "other.safetensors"), list[tuple[int, int]]()

    def hear(done: int, total: int) -> None:
        waiting.append((done, total))
        waited.set()

    other.get(hear)
    first.join()
    assert seen == [1, 2, 3, 4]
    assert set(waiting) == {(0, 4)}


def test_of_one_class_it_is_untrained_and_named_by_the_seed(tmp_path: Path) -> None:
    images, seen = labelled(noise(0, 9), checksum="ab12"), list[int]()
    found = [
        OwnClassifier(images, tmp_path / f"{k}.safetensors", seed=seed, cache=tmp_path / "cache")
        for k, seed in enumerate((0, 0, 1))
    ]
    hashes = [weights_sha256(one.get(lambda done, total: seen.append(done))) for one in found]
    assert seen == []
    assert hashes[0] == hashes[1] != hashes[2]
    assert not (tmp_path / "cache").exists()


def test_damaged_files_are_not_trained_over(own: OwnClassifier) -> None:
    own.path.write_bytes(b"half")
    with pytest.raises(DataError, match="not a whole"):
        replace(own, images=labelled(noise(0, 9), np.arange(9) % 2, "ab12")).get()
