"""A recipe's augmentation as the transforms of one update."""

from typing import Any

import pytest
import torch

from steergan.augmentation import KINDS, Augmentation, Treatment
from steergan.errors import RecipeError, SymmetryError
from steergan.recipe import AugmentationSettings

ALL: dict[str, Any] = {
    "group": "D4", "standard": True, "consistency_real": 1.0, "consistency_fake": 1.0, "adaptive_target": 0.6,
    "transforms": KINDS,
}  # fmt: skip
FIELDS = ("standard", "adaptive_real", "adaptive_fake", "consistency_real", "consistency_fake")
IMAGE = torch.rand(32, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def augmentation(probability: float = 0.5, shape: tuple[int, int, int] = (3, 8, 8), **settings: Any) -> Augmentation:
    found = Augmentation(AugmentationSettings(**settings), shape)
    if found.adaptive is not None:
        found.adaptive.probability.fill_(probability)
    return found


def results(treatment: Treatment) -> dict[str, torch.Tensor]:
    return {name: getattr(treatment, name)(IMAGE) for name in FIELDS}


def test_it_is_a_function_of_seed_step_and_update_and_no_two_parts_share_their_numbers() -> None:
    made = augmentation(**ALL)
    first = results(made.treatment(32, seed=1, step=2, update=0))
    torch.rand(3)
    again = results(augmentation(**ALL).treatment(32, seed=1, step=2, update=0))
    assert all(torch.equal(first[name], again[name]) for name in FIELDS)
    for other in ((2, 2, 0), (1, 3, 0), (1, 2, 1)):
        seed, step, update = other
        found = results(made.treatment(32, seed=seed, step=step, update=update))
        assert not any(torch.equal(first[name], found[name]) for name in FIELDS)
    assert not any(torch.equal(first[a], first[b]) for a in FIELDS for b in FIELDS if a < b)


def test_processes_do_to_their_rows_what_one_does_to_all() -> None:
    made = augmentation(**ALL)
    whole = made.treatment(32, seed=1, step=2, update=0).adaptive_real(IMAGE)
    for rows in (slice(0, 16), slice(16, 32)):
        mine = made.treatment(32, seed=1, step=2, update=0, rows=rows).adaptive_real(IMAGE[rows])
        assert torch.allclose(mine, whole[rows], atol=1e-6)


def test_every_transform_that_a_recipe_takes_is_known() -> None:
    assert AugmentationSettings(transforms=KINDS).transforms == KINDS
    with pytest.raises(ValueError, match="'quarter-turns'"):
        AugmentationSettings(transforms=("shear",))  # type: ignore[arg-type]


def test_by_default_nothing_is_touched() -> None:
    assert all(image is IMAGE for image in results(augmentation().treatment(32, seed=1, step=1, update=0)).values())


@pytest.mark.parametrize("name", ["standard", "consistency_real", "consistency_fake"])
def test_each_part_is_on_by_its_own_key(name: str) -> None:
    key: dict[str, Any] = {name: True if name == "standard" else 1.0}
    treated = results(augmentation(**key).treatment(32, seed=1, step=1, update=0))
    assert {field for field, image in treated.items() if image is not IMAGE} == {name}


def test_every_image_gets_an_element_of_its_own_and_all_elements_occur() -> None:
    corner = torch.zeros(400, 1, 8, 8)
    corner[:, :, 0, 1] = 1.0
    moved = (
        augmentation(standard=True, group="D4", shape=(1, 8, 8))
        .treatment(400, seed=0, step=1, update=0)
        .standard(corner)
    )
    places = moved.flatten(1).argmax(1)
    counts = torch.stack([(places == p).sum() for p in (1, 6, 8, 15, 48, 55, 57, 62)])
    assert counts.sum() == 400
    assert counts.min() > 25


def test_with_probability_zero_adaptive_augmentation_changes_no_bit() -> None:
    treated = augmentation(0.0, adaptive_target=0.6).treatment(32, seed=1, step=1, update=0)
    assert torch.equal(treated.adaptive_real(IMAGE), IMAGE)


def test_a_generator_that_shows_rotations_needs_a_discriminator_that_learns_them() -> None:
    with pytest.raises(RecipeError, match=r"set augmentation\.rotation_discriminator = 1\.0"):
        augmentation(rotation_generator=0.2)


def test_adaptive_augmentation_by_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match="has no transforms"):
        augmentation(adaptive_target=0.6, transforms=())


@pytest.mark.parametrize(
    "settings",
    [{"standard": True}, {"rotation_discriminator": 1.0}, {"adaptive_target": 0.6, "transforms": ("quarter-turns",)}],
)
def test_quarter_turns_of_rectangles_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(SymmetryError, match="square"):
        augmentation(shape=(1, 8, 12), **settings)


def test_rectangles_are_turned_by_any_angle() -> None:
    made = augmentation(1.0, (3, 8, 12), adaptive_target=0.6, transforms=("rotation", "filter", "noise"))
    assert made.treatment(2, seed=1, step=1, update=0).adaptive_real(torch.rand(2, 3, 8, 12)).isfinite().all()


def test_hues_of_images_without_colours_are_refused() -> None:
    with pytest.raises(RecipeError, match=r'"hue" turns the colours of three channels.* have 1; leave it out'):
        augmentation(shape=(1, 8, 8), adaptive_target=0.6, transforms=("hue",))
    assert augmentation(shape=(1, 8, 8), transforms=("hue",)).adaptive is None
