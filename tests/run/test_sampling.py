"""Samples are functions of class and seed, and paths end where they should."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steergan import run
from steergan.errors import RunError
from steergan.recipe import Recipe
from steergan.run.sampling import spherical


@pytest.fixture(scope="module")
def trained(tiny_run: Path) -> Path:
    return tiny_run


def test_a_sample_does_not_depend_on_its_batch_mates(trained: Path) -> None:
    many = run.sample(trained, range(12), [1, 0])
    alone = run.sample(trained, [7], [0])
    assert many.shape == (2, 12, 1, 8, 8)
    assert torch.equal(many[1, 7], alone[0, 0])


def test_seeds_and_classes_give_different_images(trained: Path) -> None:
    images = run.sample(trained, [0, 1])
    assert not torch.equal(images[0, 0], images[0, 1])
    assert not torch.equal(images[0, 0], images[1, 0])


def test_truncation_shrinks_the_variety(trained: Path) -> None:
    spread = [run.sample(trained, range(16), [0], t).float().std(dim=1).mean() for t in (1.0, 0.01)]
    # The group element is drawn too, so the variety does not vanish with the latent.
    assert spread[1] < spread[0]


def test_unknown_class_is_refused(trained: Path) -> None:
    with pytest.raises(RunError, match="class 2 does not exist"):
        run.sample(trained, [0], [2])


def test_interpolation_starts_and_ends_at_samples(trained: Path) -> None:
    rows = run.interpolate(trained, (3, 4), images=5)
    samples = run.sample(trained, [3, 4])
    assert rows.shape == (4, 5, 1, 8, 8)
    for label in range(2):
        assert torch.equal(rows[label, 0], samples[label, 0])
        assert torch.equal(rows[2 + label, 0], samples[label, 0])
        assert torch.equal(rows[2 + label, -1], samples[(label + 1) % 2, 0])


def test_spherical_path_keeps_the_norm() -> None:
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    middle = spherical(a, b, 0.5)
    assert torch.allclose(middle, torch.tensor([3.0, 3.0]) / 2**0.5)
    assert torch.equal(spherical(a, a, 0.3), a)


def test_an_unfinished_run_says_how_to_go_on(
    recipe: Callable[..., Recipe], notes: type, tmp_path: Path
) -> None:
    run.train(recipe(), tmp_path / "run", report=notes(stop_after=2))
    with pytest.raises(RunError, match="steergan resume"):
        run.sample(tmp_path / "run", [0])


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        run.sample(tmp_path, [0])
