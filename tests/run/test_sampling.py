"""Samples are functions of class and seed, and paths end where they should."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import torch

from steergan import run
from steergan.errors import RunError, SymmetryError
from steergan.recipe import Recipe, read_recipe
from steergan.run.build import build_generator
from steergan.run.sampling import along_circle, decode_each, latent, orbit, spherical
from tests.notes import Notes

pytestmark = pytest.mark.usefixtures("blank_curves")


def test_a_sample_does_not_depend_on_its_batch_mates(tiny_run: Path) -> None:
    many = run.sample(tiny_run, range(12), [1, 0])
    alone = run.sample(tiny_run, [7], [0])
    assert many.shape == (2, 12, 1, 8, 8)
    assert torch.equal(many[1, 7], alone[0, 0])


def test_batches_and_a_loaded_run_give_the_same_images(tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = run.sample(str(tiny_run), range(6))
    loaded = run.load_run(str(tiny_run))
    assert loaded.generator.elements, "the images of no element would be tested"
    monkeypatch.setattr("steergan.run.load.load_weights", lambda file: pytest.fail("loaded again"))
    sizes = []
    loaded.generator.register_forward_pre_hook(lambda network, inputs: sizes.append(len(inputs[0])))
    together = run.sample(loaded, range(6), batch=8)
    assert sizes == [8, 4]
    assert (together.int() - alone.int()).abs().max() <= 1  # a last bit may round the other way
    assert torch.equal(run.interpolate(loaded, images=2)[0, 0], alone[0, 0])


def test_nothing_at_once_is_refused(tiny_run: Path) -> None:
    with pytest.raises(RunError, match="batch = 0: at least one"):
        run.sample(tiny_run, [0], batch=0)
    assert run.sample(tiny_run, [], [0]).shape == (1, 0, 1, 8, 8)


def test_seeds_and_classes_give_different_images(tiny_run: Path) -> None:
    images = run.sample(tiny_run, [0, 1])
    assert not torch.equal(images[0, 0], images[0, 1])
    assert not torch.equal(images[0, 0], images[1, 0])


def test_truncation_shrinks_the_variety(tiny_run: Path) -> None:
    spread = [run.sample(tiny_run, range(16), [0], t).float().std(dim=1).mean() for t in (1.0, 0.01)]
    # The group element is drawn too, so the variety does not vanish with the latent.
    assert spread[1] < spread[0]


def test_unknown_class_is_refused(tiny_run: Path) -> None:
    with pytest.raises(RunError, match="class 2 does not exist"):
        run.sample(tiny_run, [0], [2])


def test_interpolation_starts_and_ends_at_samples(tiny_run: Path) -> None:
    rows = run.interpolate(tiny_run, (3, 4), images=5)
    samples = run.sample(tiny_run, [3, 4])
    assert rows.shape == (4, 5, 1, 8, 8)
    for label in range(2):
        assert torch.equal(rows[label, 0], samples[label, 0])
        assert torch.equal(rows[2 + label, 0], samples[label, 0])
        assert torch.equal(rows[2 + label, -1], samples[(label + 1) % 2, 0])


@pytest.mark.parametrize("labels", ["linear", "spherical"])
def test_labels_go_over_between_any_two_classes(tiny_run: Path, labels: Literal["linear", "spherical"]) -> None:
    rows = run.interpolate(tiny_run, (3, 4), images=3, pairs=[(1, 0), (1, 1)], labels=labels)
    samples = run.sample(tiny_run, [3, 4])
    assert rows.shape == (4, 3, 1, 8, 8)  # latents of classes 1 and 0, then the pairs
    for row, label in enumerate((1, 0)):
        assert torch.equal(rows[row, 0], samples[label, 0])
    assert torch.equal(rows[2, 0], samples[1, 0])
    torch.testing.assert_close(rows[2, -1], samples[0, 0], atol=1, rtol=0)
    torch.testing.assert_close(rows[3], samples[1, 0].expand_as(rows[3]), atol=1, rtol=0)
    generator = run.load_run(tiny_run).generator
    a, b = generator.embedding.weight.detach()
    middle = (a + b) / 2
    if labels == "spherical":
        middle = (a / a.norm() + b / b.norm()) / (a / a.norm() + b / b.norm()).norm() * (a.norm() + b.norm()) / 2
    z, element = latent(generator, 3, "normal")
    expected = decode_each(generator, [torch.cat([z[0], middle])], element)
    torch.testing.assert_close(rows[2, 1], expected[0], atol=1, rtol=0)
    with pytest.raises(RunError, match="class 2 does not exist"):
        run.interpolate(tiny_run, pairs=[(0, 2)])


def test_lengths_go_over_evenly_along_a_circle() -> None:
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0])
    found = torch.stack([along_circle(a, b, t) for t in (0.0, 0.5, 1.0)])
    torch.testing.assert_close(found, torch.tensor([[2.0, 0.0], [4.5**0.5, 4.5**0.5], [0.0, 4.0]]))
    assert along_circle(a, torch.zeros(2), 0.5).tolist() == [1.0, 0.0]


@pytest.fixture(scope="module")
def steerable_run(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Finished runs whose latents turn, of one step, made once a group."""

    @functools.cache
    def make(group: str) -> Path:
        settings = [f"generator.group={group}", "generator.latent=steerable", "generator.z_dim=16"]
        recipe = read_recipe(tiny_recipe, [*settings, "training.steps=1", "evaluation.every=1"])
        return run.train(recipe, tmp_path_factory.mktemp("steerable") / group, report=Notes())

    return make


def test_a_turned_latent_gives_the_turned_picture(steerable_run: Callable[[str], Path]) -> None:
    folder = steerable_run("D4")
    poses = [run.Pose(angle, mirrored) for mirrored in (False, True) for angle in (0, 90, 180, 270)]
    images = run.sample(folder, [0, 1], poses=poses)
    assert images.shape == (2, 2, 8, 1, 8, 8)
    upright = run.sample(folder, [0, 1])
    assert torch.equal(images[:, :, 0], upright)
    for position, pose in enumerate(poses):
        wanted = upright.flip(-1) if pose.reflected else upright
        wanted = torch.rot90(wanted, round(pose.degrees / 90), (-2, -1))
        assert (images[:, :, position].int() - wanted.int()).abs().max() <= 1  # a last bit may round the other way
    assert not torch.equal(images[:, :, 1], images[:, :, 0])


def test_orbits_follow_the_other_paths_and_begin_upright(steerable_run: Callable[[str], Path]) -> None:
    folder = steerable_run("C4")
    rows, upright = run.interpolate(folder, (3, 4), images=8), run.sample(folder, [3])
    assert rows.shape == (6, 8, 1, 8, 8)
    for label in range(2):
        orbit = rows[4 + label]
        assert torch.equal(orbit[0], upright[label, 0])
        assert (orbit[2].int() - torch.rot90(orbit[0], 1, (1, 2)).int()).abs().max() <= 1


@pytest.mark.parametrize(
    ("group", "images", "wanted"),
    [
        ("SO2", 5, [0, 72, 144, 216, 288]),
        ("C4", 4, [0, 90, 180, 270]),
        ("D2", 4, [0, 0, 180, 180]),
        ("C7", 3, [0, 720 / 7, 1440 / 7]),
    ],
)
def test_orbits_take_equal_steps_or_the_rotations_that_the_group_has(
    recipe: Callable[..., Recipe], group: str, images: int, wanted: list[float]
) -> None:
    generator = build_generator(recipe(f"generator.group={group}", "generator.latent=dense"), (1, 8, 8), 2)
    assert orbit(generator, images) == pytest.approx(wanted)


def test_only_steerable_latents_and_angles_of_the_group_are_turned(
    tiny_run: Path, steerable_run: Callable[[str], Path]
) -> None:
    with pytest.raises(SymmetryError, match=r"steerable"):
        run.sample(tiny_run, [0], poses=[run.Pose(90)])
    with pytest.raises(SymmetryError, match=r"C4 has no rotation by 30 degrees.*multiples of 90"):
        run.sample(steerable_run("C4"), [0], poses=[run.Pose(30)])


def test_spherical_path_keeps_the_norm() -> None:
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    middle = spherical(a, b, 0.5)
    assert torch.allclose(middle, torch.tensor([3.0, 3.0]) / 2**0.5)
    assert torch.equal(spherical(a, a, 0.3), a)
