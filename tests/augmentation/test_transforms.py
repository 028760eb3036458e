"""Transforms outside the group: values, symmetry of their law, derivatives."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional

from steergan.augmentation import Parameters, augment, draw_parameters
from steergan.symmetry import act, action_table, gspace, plane_matrices
from tests.thorough import grid

KINDS = ("translation", "scaling", "colour", "cutout")
D4 = plane_matrices(gspace("D4")).round()


def drawn(
    count: int, size: int = 8, kinds: tuple[str, ...] = KINDS, probability: float = 1.0, seed: int = 0
) -> Parameters:
    draw = torch.Generator().manual_seed(seed)
    return draw_parameters(count, (size, size), kinds, torch.tensor(probability), draw)


def neutral(count: int = 1, **values: Tensor) -> Parameters:
    return drawn(count, kinds=())._replace(**values)


def images(count: int, channels: int = 3, size: int = 8, seed: int = 1) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, size, size, generator=draw, dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize(("dtype", "size", "channels"), grid([torch.float32, torch.float64], [1, 7, 8], [1, 2, 3]))
def test_with_probability_zero_no_bit_changes(channels: int, size: int, dtype: torch.dtype) -> None:
    image = images(16, channels, size).to(dtype)
    assert torch.equal(augment(image, drawn(16, size, probability=0.0)), image)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_images_and_only_as_often_as_the_probability_says(kind: str) -> None:
    image = images(2000, channels=1)
    changed = (augment(image, drawn(2000, kinds=(kind,), probability=0.3)) != image).flatten(1).any(1).double().mean()
    # Colour is two chances for a grey image; a shift rounds to none with probability 1/4 here.
    expected = {"colour": 1 - 0.7**2, "translation": 0.3 * 0.75}.get(kind, 0.3)
    assert changed.item() == pytest.approx(expected, abs=0.04)


def test_numbers_of_a_kind_do_not_depend_on_the_other_kinds() -> None:
    alone, together = drawn(50, kinds=("scaling",)), drawn(50)
    assert torch.equal(alone.scale_B, together.scale_B)
    assert torch.equal(alone.shift_B2, torch.zeros(50, 2))
    assert not torch.equal(together.shift_B2, torch.zeros(50, 2))


def test_a_shift_is_that_of_a_mirrored_image() -> None:
    image = images(1)
    moved = augment(image, neutral(shift_B2=torch.tensor([[1.0, -2.0]])))
    padded = functional.pad(image, (2, 2, 2, 2), mode="reflect")
    assert torch.equal(moved, padded[:, :, 1:9, 4:12])


def test_shift_and_scale_are_those_of_grid_sample() -> None:
    image, parameters = images(64, size=9), drawn(64, 9, ("translation", "scaling"))
    assert parameters.scale_B.min() < 0.8
    assert parameters.scale_B.max() > 1.25
    scale, shift = parameters.scale_B.double(), parameters.shift_B2.double()
    affine = torch.zeros(64, 2, 3, dtype=torch.float64)
    affine[:, 0, 0] = affine[:, 1, 1] = 1 / scale
    affine[:, 0, 2], affine[:, 1, 2] = -shift[:, 1] / 4, -shift[:, 0] / 4
    grid = functional.affine_grid(affine, list(image.shape), align_corners=True)
    expected = functional.grid_sample(image, grid, padding_mode="reflection", align_corners=True)
    assert torch.allclose(augment(image, parameters), expected, atol=1e-12)


def test_colour_is_brightness_then_contrast_then_saturation_about_the_mean_channel() -> None:
    image, parameters = images(5), drawn(5, kinds=("colour",))
    b, c, s = (p.double()[:, None, None, None] for p in parameters[2:5])
    lit = (image + b) * c
    grey = lit.mean(1, keepdim=True)
    assert torch.allclose(augment(image, parameters), grey + s * (lit - grey), atol=1e-12)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_only_three_channels_have_a_saturation(channels: int) -> None:
    image = images(3, channels)
    assert torch.equal(augment(image, neutral(3, saturation_B=torch.tensor([0.0, 0.5, 3.0]))), image)


def test_a_cut_is_a_square_of_half_the_side_about_its_centre() -> None:
    image = images(2)
    cut = augment(image, neutral(2, cutout_B2=torch.tensor([[0.5, 0.5], [0.0, 0.75]])))
    expected = image.clone()
    expected[0, :, 2:6, 2:6] = 0
    expected[1, :, :2, 4:] = 0
    assert torch.equal(cut, expected)


def acted(parameters: Parameters, matrix: np.ndarray[Any, Any]) -> Parameters:
    """The parameters of the transform g T g^-1."""

    def turn(down_right: Tensor) -> Tensor:
        # On the plane x points to the right and y up.
        plane = torch.stack([down_right[:, 1], -down_right[:, 0]], 1) @ torch.from_numpy(matrix).to(down_right).T
        return torch.stack([-plane[:, 1], plane[:, 0]], 1)

    return parameters._replace(shift_B2=turn(parameters.shift_B2), cutout_B2=turn(parameters.cutout_B2 - 0.5) + 0.5)


@pytest.mark.parametrize(("k", "size"), grid(range(8), [8, 9]))
def test_a_turned_image_is_augmented_as_the_image_is_and_turned(size: int, k: int) -> None:
    image, parameters = images(20, size=size), drawn(20, size)
    element_B, table = torch.full((20,), k), action_table("D4", size, size)
    one_way = act(augment(image, parameters), table, element_B)
    other_way = augment(act(image, table, element_B), acted(parameters, D4[k]))
    assert torch.allclose(one_way, other_way, atol=1e-12)
    assert k == 0 or not torch.allclose(one_way, augment(act(image, table, element_B), parameters), atol=1e-3)


@pytest.mark.parametrize("k", range(1, 8))
def test_the_law_of_shifts_and_cuts_is_the_same_after_every_element(k: int) -> None:
    """With the test before: the law of the transforms commutes with D4, so an invariant discriminator stays one."""
    parameters, turned = drawn(4000, 16), acted(drawn(4000, 16, seed=1), D4[k])

    def cells(found: Parameters) -> np.ndarray[Any, Any]:
        shift = (found.shift_B2 + 2).long()
        return np.bincount((5 * shift[:, 0] + shift[:, 1]).numpy(), minlength=25)

    counts = np.stack([cells(parameters), cells(turned)])
    assert counts.shape == (2, 25)
    assert stats.chi2_contingency(counts).pvalue > 1e-3
    for axis in (0, 1):
        assert stats.ks_2samp(parameters.cutout_B2[:, axis], turned.cutout_B2[:, axis]).pvalue > 1e-3


def test_derivatives_of_both_orders_are_those_of_finite_differences() -> None:
    parameters = drawn(2, 4)
    image = images(2, size=4).requires_grad_()

    def squared(x: Tensor) -> Tensor:
        return augment(x, parameters).square()

    assert torch.autograd.gradcheck(squared, (image,))
    assert torch.autograd.gradgradcheck(squared, (image,))
