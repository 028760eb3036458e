"""Projections: a run's own samples are found again, with their class, element or pose."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from steergan import run
from steergan.errors import RunError
from steergan.networks import Generator
from steergan.pixels import to_uint8
from steergan.run import Search
from steergan.run.projecting import MOST_CLASSES, effort, labels_to_try, starting_points


def drawn(generator: Generator, label: int, element: int | None, seed: int = 0, count: int = 1) -> Tensor:
    """Images of latents that no search begins at, uint8 (N, C, H, W)."""
    z = torch.randn(count, generator.z_dim, generator=torch.Generator().manual_seed(seed))
    moved = None if element is None else torch.full([count], element)
    with torch.no_grad():
        return to_uint8(generator(z, torch.full([count], label), moved))


def distance(images: Tensor, wanted: Tensor) -> float:
    """Of the nearest one, in gray levels."""
    return float((images.double() - wanted.double()).square().mean(dim=(1, 2, 3)).sqrt().min())


@pytest.fixture(scope="module")
def varied(tiny_run: Path) -> run.LoadedRun:
    """The tiny run with larger weights: it was hardly trained, and its images hardly differ."""
    loaded = run.load_run(tiny_run)
    with torch.no_grad():
        for weight in (loaded.generator.embedding.weight, *loaded.generator.synthesis.parameters()):
            weight.mul_(2)
    return loaded


@pytest.mark.parametrize(("label", "element"), [(0, 1), (1, 2)])
def test_own_images_are_found_again(varied: run.LoadedRun, label: int, element: int) -> None:
    wanted = drawn(varied.generator, label, element)
    (found,) = run.project(varied, wanted, search=Search(steps=80, starts=2))
    assert (found.label, found.element) == (label, element)
    assert found.error < distance(drawn(varied.generator, label, element, seed=1, count=100), wanted)
    again = varied.generator(found.z[None], torch.tensor([found.label]), torch.tensor([found.element]))
    assert torch.equal(to_uint8(again.detach())[0], found.image)
    assert found.error == pytest.approx(distance(found.image[None], wanted))


def test_more_steps_come_nearer_and_the_seed_decides(varied: run.LoadedRun) -> None:
    wanted = drawn(varied.generator, 0, 0)
    first, again = (run.project(varied, wanted, [0], Search(steps=8, seed=3))[0] for _ in range(2))
    assert torch.equal(first.z, again.z)
    assert run.project(varied, wanted, [0], Search(steps=64, seed=3))[0].error < first.error
    assert run.project(varied, wanted, [1], Search(steps=8))[0].label == 1
    three, same, four = (starting_points(varied.generator, [0], Search(seed=seed), "normal").z for seed in (3, 3, 4))
    assert torch.equal(three, same)
    assert not torch.equal(three, four)
    assert not three[0].any()  # the mean


def test_a_steerable_latent_holds_the_pose(steerable: Path) -> None:
    loaded = run.load_run(steerable)
    wanted = torch.rot90(drawn(loaded.generator, 1, None), 1, (2, 3))
    told: list[tuple[int, int]] = []
    search = Search(steps=60, starts=3)
    (found,) = run.project(loaded, wanted, search=search, progress=lambda done, total: told.append((done, total)))
    assert found.element is None
    others = torch.cat([torch.rot90(drawn(loaded.generator, 1, None, 1, 100), k, (2, 3)) for k in range(4)])
    assert found.error < distance(others, wanted)
    total = effort(2 * 3, search)
    assert told[-1] == (total, total)
    assert told == sorted(told)


def test_the_run_is_left_as_it_was(varied: run.LoadedRun) -> None:
    run.project(varied, drawn(varied.generator, 0, 0), [0], Search(steps=1, starts=1))
    assert all(weight.requires_grad and weight.grad is None for weight in varied.generator.parameters())


def test_bad_input_is_refused(varied: run.LoadedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match=r"uint8 \(2, 3, 8, 8\) came; uint8 \(N, 1, 8, 8\)"):
        run.project(varied, torch.zeros(2, 3, 8, 8, dtype=torch.uint8))
    image = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    with pytest.raises(RunError, match="float32"):
        run.project(varied, image.float())
    with pytest.raises(RunError, match="class 2 does not exist"):
        run.project(varied, image, [2])
    with pytest.raises(RunError, match="0 steps"):
        run.project(varied, image, search=Search(steps=0))
    monkeypatch.setattr(varied.generator, "classes", MOST_CLASSES + 1)
    with pytest.raises(RunError, match=r"21 classes are there; up to 20 .* --classes"):
        labels_to_try(varied.generator, None)
