"""Transforms outside the group: values, symmetry of their law, derivatives."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional

from steergan.augmentation import KINDS, Parameters, augment, draw_parameters
from steergan.augmentation.drawing import WARPING, composed
from steergan.symmetry import act, action_table, gspace, plane_matrices
from tests.thorough import grid

SEPARABLE = ("translation", "scaling", "colour", "cutout")
STILL = tuple(kind for kind in KINDS if kind not in ("flip", "quarter-turns"))
"""What an element turns into another of its kind."""
D4 = plane_matrices(gspace("D4")).round()


def drawn(
    count: int,
    size: int = 8,
    kinds: tuple[str, ...] = KINDS,
    probability: float = 1.0,
    seed: int = 0,
    channels: int = 3,
) -> Parameters:
    draw = torch.Generator().manual_seed(seed)
    return draw_parameters(count, (channels, size, size), kinds, torch.tensor(probability), draw)


def neutral(count: int = 1, **values: Tensor) -> Parameters:
    return drawn(count, kinds=())._replace(**values)


def images(count: int, channels: int = 3, size: int = 8, seed: int = 1) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, size, size, generator=draw, dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize(("dtype", "size", "channels"), grid([torch.float32, torch.float64], [1, 7, 8], [1, 2, 3]))
def test_with_probability_zero_no_bit_changes(channels: int, size: int, dtype: torch.dtype) -> None:
    image = images(16, channels, size).to(dtype)
    assert torch.equal(augment(image, drawn(16, size, probability=0.0, channels=channels)), image)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_changes_images_and_only_as_often_as_the_probability_says(kind: str) -> None:
    count, channels = 1000, 3 if kind == "hue" else 1
    image = images(count, channels)
    treated = augment(image, drawn(count, kinds=(kind,), probability=0.3, channels=channels))
    changed = (treated != image).flatten(1).any(1).double().mean()
    # Colour is two chances for a grey image and filters are four; a shift rounds to none with probability 1/4 here, and
    # of flips and turns some are none.
    several = {"colour": 1 - 0.7**2, "filter": 1 - 0.7**4}
    expected = several | {"translation": 0.3 * 0.75, "flip": 0.15, "luma-flip": 0.15, "quarter-turns": 0.3 * 0.75}
    assert changed.item() == pytest.approx(expected.get(kind, 0.3), abs=0.05)


def test_numbers_of_a_kind_do_not_depend_on_the_other_kinds() -> None:
    alone, together = drawn(50, kinds=("scaling",)), drawn(50, kinds=SEPARABLE)
    assert torch.equal(alone.scale_B, together.scale_B)
    assert torch.equal(alone.shift_B2, torch.zeros(50, 2))
    assert not torch.equal(together.shift_B2, torch.zeros(50, 2))
    all_of_them = drawn(50)
    for kind, name in {"flip": "flip_B", "hue": "hue_B", "filter": "gain_B4", "noise": "noise_BCHW"}.items():
        assert torch.equal(getattr(drawn(50, kinds=(kind,)), name), getattr(all_of_them, name))
    turned, noisy = drawn(50, kinds=WARPING[:1]), drawn(50, kinds=(*WARPING[:1], "noise"))
    assert turned.affine_B23 is not None
    assert noisy.affine_B23 is not None
    assert torch.equal(turned.affine_B23, noisy.affine_B23)


def test_a_shift_is_that_of_a_mirrored_image() -> None:
    image = images(1)
    moved = augment(image, neutral(shift_B2=torch.tensor([[1.0, -2.0]])))
    padded = functional.pad(image, (2, 2, 2, 2), mode="reflect")
    assert torch.equal(moved, padded[:, :, 1:9, 4:12])


def test_shift_and_scale_are_those_of_grid_sample() -> None:
    image, parameters = images(64, size=9), drawn(64, 9, SEPARABLE[:2])
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


def test_moves_are_a_shift_a_scale_a_turn_a_stretch_a_turn_and_a_shift() -> None:
    """A point (down, right) goes that way step by step, and the matrix finds where it came from."""
    draw = torch.Generator().manual_seed(0)
    shift, fraction, point = torch.randn(3, 10, 2, generator=draw, dtype=torch.float64)
    before, after, scale, stretch = torch.rand(4, 10, generator=draw, dtype=torch.float64) + 0.5

    def turned(down_right: Tensor, angle: Tensor) -> Tensor:
        plane = torch.complex(down_right[:, 1], -down_right[:, 0]) * torch.exp(1j * angle)
        return torch.stack([-plane.imag, plane.real], 1)

    moved = turned((point + shift) * scale[:, None], before) * torch.stack([1 / stretch, stretch], 1)
    moved = turned(moved, after) + fraction
    affine = composed(shift, scale, (before, after), stretch, fraction)
    found = affine @ torch.cat([moved, torch.ones(10, 1)], 1)[:, :, None]
    assert torch.allclose(found[:, :, 0], point, atol=1e-12)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_only_three_channels_have_a_saturation(channels: int) -> None:
    image = images(3, channels)
    assert torch.equal(augment(image, neutral(3, saturation_B=torch.tensor([0.0, 0.5, 3.0]))), image)


def test_hue_turns_colours_about_grey_and_luma_flips_their_mean() -> None:
    image = images(1)
    third = neutral(hue_B=torch.tensor([2 * np.pi / 3], dtype=torch.float64))
    assert torch.allclose(augment(image, third), image.roll(1, dims=1), atol=1e-12)
    flipped = augment(image, neutral(luma_B=torch.tensor([-1.0])))
    assert torch.allclose(flipped.mean(1), -image.mean(1), atol=1e-12)
    assert torch.allclose(flipped - flipped.mean(1, keepdim=True), image - image.mean(1, keepdim=True), atol=1e-12)
    assert torch.equal(augment(image[:, :1], neutral(luma_B=torch.tensor([-1.0]))), -image[:, :1])


def test_noise_has_the_strength_that_was_drawn() -> None:
    noise = drawn(500, 16, ("noise",)).noise_BCHW
    assert noise is not None
    strength_B = noise.flatten(1).std(1) / 0.1
    assert stats.kstest(strength_B.numpy(), stats.halfnorm.cdf).pvalue > 1e-3
    assert torch.equal(augment(images(500, size=16), neutral(500, noise_BCHW=noise)), images(500, size=16) + noise)


def test_flips_and_quarter_turns_are_elements_of_d4_bit_for_bit() -> None:
    image = images(80)
    parameters = drawn(80, kinds=("flip", "quarter-turns"))
    assert parameters.flip_B is not None
    assert parameters.turns_B is not None
    assert len({(bool(f), int(t)) for f, t in zip(parameters.flip_B, parameters.turns_B, strict=True)}) == 8
    for one, moved, f, t in zip(image, augment(image, parameters), parameters.flip_B, parameters.turns_B, strict=True):
        assert torch.equal(moved, (one.flip(2) if f else one).rot90(int(t), (1, 2)))


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

    affine, turned = parameters.affine_B23, None
    if affine is not None:
        columns = torch.stack([turn(affine[:, :, k]) for k in range(3)], 2)
        turned = torch.cat([torch.stack([turn(columns[:, k, :2]) for k in range(2)], 1), columns[:, :, 2:]], 2)
    return parameters._replace(
        shift_B2=turn(parameters.shift_B2), cutout_B2=turn(parameters.cutout_B2 - 0.5) + 0.5, affine_B23=turned
    )


@pytest.mark.parametrize("kinds", [SEPARABLE, STILL])
@pytest.mark.parametrize(("k", "size"), grid(range(8), [8, 9]))
def test_a_turned_image_is_augmented_as_the_image_is_and_turned(size: int, k: int, kinds: tuple[str, ...]) -> None:
    image, parameters = images(20, size=size), drawn(20, size, kinds)
    element_B, table = torch.full((20,), k), action_table("D4", size, size)
    turned, noise = acted(parameters, D4[k]), parameters.noise_BCHW
    if noise is not None:
        turned = turned._replace(noise_BCHW=act(noise, table, element_B))
    one_way = act(augment(image, parameters), table, element_B)
    other_way = augment(act(image, table, element_B), turned)
    # Matrices of moves are in float32.
    assert torch.allclose(one_way, other_way, atol=1e-12 if kinds is SEPARABLE else 1e-4)
    assert k == 0 or not torch.allclose(one_way, augment(act(image, table, element_B), parameters), atol=1e-2)


@pytest.mark.parametrize("k", range(1, 8))
def test_the_law_of_shifts_and_cuts_is_the_same_after_every_element(k: int) -> None:
    """With the test before: the law of the transforms commutes with D4, so an invariant discriminator stays one."""
    parameters = drawn(4000, 16, SEPARABLE)
    turned = acted(drawn(4000, 16, SEPARABLE, seed=1), D4[k])

    def cells(found: Parameters) -> np.ndarray[Any, Any]:
        shift = (found.shift_B2 + 2).long()
        return np.bincount((5 * shift[:, 0] + shift[:, 1]).numpy(), minlength=25)

    counts = np.stack([cells(parameters), cells(turned)])
    assert counts.shape == (2, 25)
    assert stats.chi2_contingency(counts).pvalue > 1e-3
    for axis in (0, 1):
        assert stats.ks_2samp(parameters.cutout_B2[:, axis], turned.cutout_B2[:, axis]).pvalue > 1e-3
    for kind in WARPING:
        moves = drawn(2000, 16, (kind,), probability=0.8).affine_B23
        others = acted(drawn(2000, 16, (kind,), probability=0.8, seed=1), D4[k]).affine_B23
        assert moves is not None
        assert others is not None
        for one, other in zip(moves.flatten(1).T, others.flatten(1).T, strict=True):
            assert one.unique().numel() == 1 or stats.ks_2samp(one, other).pvalue > 1e-4


@pytest.mark.parametrize(("kinds", "size"), [(SEPARABLE, 4), (KINDS, 3)])
def test_derivatives_of_both_orders_are_those_of_finite_differences(kinds: tuple[str, ...], size: int) -> None:
    parameters = drawn(1, size, kinds)
    image = images(1, size=size).requires_grad_()

    def squared(x: Tensor) -> Tensor:
        return augment(x, parameters).square()

    assert torch.autograd.gradcheck(squared, (image,))
    assert torch.autograd.gradgradcheck(squared, (image,))
