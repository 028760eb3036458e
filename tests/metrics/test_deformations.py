"""Relative stability where its value is known, and the law of displacement fields."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from steergan.errors import DataError
from steergan.metrics import Deformation, relative_stability, responses_of
from steergan.metrics.deformations import deformed, unit
from steergan.randomness import torch_stream

SIZE = 16


def waves(size: int = SIZE) -> tuple[Tensor, Tensor]:
    """Images (N, 1, S, S) that mirrors continue smoothly, and their slopes by pixels down and right, (N, 2, S, S)."""
    line = math.pi * unit(size)
    down, right = torch.tensor([1.0, 2.0, 3.0, 2.0]).double(), torch.tensor([2.0, 1.0, 1.0, 3.0]).double()
    cos_d, cos_r = torch.cos(down[:, None] * line), torch.cos(right[:, None] * line)
    sin_d, sin_r = torch.sin(down[:, None] * line), torch.sin(right[:, None] * line)
    step = math.pi / (size - 1)
    slope_d = -step * down[:, None, None] * sin_d[:, :, None] * cos_r[:, None]
    slope_r = -step * right[:, None, None] * cos_d[:, :, None] * sin_r[:, None]
    return (cos_d[:, :, None] * cos_r[:, None])[:, None], torch.stack([slope_d, slope_r], 1)


@pytest.mark.parametrize("pool", [2, 4])
def test_a_low_pass_has_the_stability_that_first_order_says(pool: int) -> None:
    """For small tau tau x - x is -tau . grad x, whose share behind a pool is a sum over modes."""
    images, slopes = waves()
    law = Deformation(pixels=0.05)
    line = math.pi * torch.arange(1, 4)[:, None] * unit(SIZE)
    modes = torch.sin(line)[:, None, :, None] * torch.sin(line)[None, :, None, :]
    answers = (modes[:, :, None, None] * slopes).flatten(0, 3)[:, None]
    weights = law.powers()[:, :, None, None].expand(-1, -1, *slopes.shape[:2]).flatten()

    def energy(x: Tensor) -> Tensor:
        return (weights * x.square().flatten(1).sum(1)).sum()

    # Pooling is `pool` times less than the projector on what is constant in windows.
    expected = energy(functional.avg_pool2d(answers, pool) * pool) / energy(answers) * pool**2
    [found] = relative_stability(
        responses_of(nn.AvgPool2d(pool), {"pool": ""}), images.repeat(100, 1, 1, 1), law=law, repeats=2
    )
    assert expected > 2
    assert found.relative == pytest.approx(float(expected), rel=0.04)
    assert found.spread < 0.1 * found.relative


def test_what_deformations_leave_in_place_is_stable_and_an_isometry_is_not() -> None:
    """The frame of an image does not move, and every direction of noise reaches it."""
    images = torch.randn(30, 2, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    class Frame(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([x[:, :, 0], x[:, :, -1], x[:, :, :, 0], x[:, :, :, -1]], dim=2)

    colours = nn.Conv2d(2, 2, 1, bias=False).double()
    net = nn.Sequential(colours, Frame())
    with torch.no_grad():
        colours.weight.copy_(torch.tensor([[0.6, 0.8], [-0.8, 0.6]])[:, :, None, None])
    turned, frame = relative_stability(responses_of(net, {"turned colours": "0", "frame": "1"}), images)
    assert (turned.block, frame.block) == ("turned colours", "frame")
    assert turned.relative == pytest.approx(1, abs=1e-6)
    assert turned.deformation == pytest.approx(turned.noise)
    assert turned.spread < 1e-6
    assert frame.relative < 1e-12
    # Of noise on 144 pixels 44 + 4 are the frame's, corners twice; of the images' variance, too.
    assert frame.noise == pytest.approx(turned.noise, rel=0.2)


def test_two_images_that_are_drawn_independently_lie_two_variances_apart() -> None:
    images = torch.randn(30, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    [found] = relative_stability(responses_of(nn.Identity(), [""]), images, law=Deformation(0.3), repeats=2)
    flat, changes = images.flatten(1), []
    for repeat in range(2):
        field = Deformation(0.3).draw(30, (8, 8), torch_stream(0, f"deformations/{repeat}", 0))
        changes.append((deformed(images, field) - images).square().sum() / 30)
    apart = torch.stack([(flat[i] - flat[j]).square().sum() for i in range(30) for j in range(30) if i != j]).mean()
    assert found.deformation == pytest.approx(float(sum(changes) / 2 / apart))


def test_fields_have_the_length_that_is_asked_for_and_leave_the_frame() -> None:
    field = Deformation(1.5).draw(800, (33, 25), torch.Generator().manual_seed(0))
    assert field.shape == (800, 2, 33, 25)
    inside = field[:, :, 1:-1, 1:-1]
    # sin^2 sums to (n - 1) / 2 over n pixels whose ends are 0.
    length = (field.square().sum(1).sum((1, 2)) / (32 * 24)).mean().sqrt()
    assert float(length) == pytest.approx(1.5, rel=0.03)
    assert field[:, :, [0, -1]].abs().max() < 1e-12
    assert field[:, :, :, [0, -1]].abs().max() < 1e-12
    assert inside.std() > 0.5
    assert torch.allclose(field[:, 0].std(), field[:, 1].std(), rtol=0.05)


def test_powers_fall_with_the_square_of_the_frequency_up_to_the_cutoff() -> None:
    assert torch.allclose(
        Deformation(cutoff=3).powers(),
        torch.tensor([[1 / 2, 1 / 5, 0], [1 / 5, 1 / 8, 0], [0, 0, 0]], dtype=torch.float64),
    )


def test_pixels_move_by_their_displacement_down_and_to_the_right() -> None:
    image, _ = waves(33)
    down_right = torch.zeros(4, 2, 33, 33, dtype=torch.float64)
    down_right[:, 0], down_right[:, 1] = 2.0, -3.0
    moved = deformed(image, down_right)
    assert torch.allclose(moved[:, :, 2:, :-3], image[:, :, :-2, 3:], atol=1e-12)
    down_right[:, 0], down_right[:, 1] = 0.25, 0.5
    place = torch.arange(33) - 0.25, torch.arange(33) - 0.5
    expected = torch.cos(math.pi * 1 * place[0] / 32)[:, None] * torch.cos(math.pi * 2 * place[1] / 32)
    assert torch.allclose(deformed(image, down_right)[0, 0], expected.double(), atol=1e-2)


def test_what_would_fold_images_is_refused_in_one_line() -> None:
    with pytest.raises(DataError, match=r"4 pixels came; above 0 and up to 2\.3 was wanted.*28 x 30 pixels fold"):
        Deformation(pixels=4).amplitude((28, 30))
    with pytest.raises(DataError, match="above 0"):
        Deformation(pixels=0).amplitude((28, 28))
    with pytest.raises(DataError, match="cutoff 1: half waves along a side, a whole number from 2 on was wanted"):
        Deformation(cutoff=1)


def test_one_image_and_unknown_blocks_are_refused() -> None:
    respond = responses_of(nn.Sequential(nn.Identity()), ["1"])
    with pytest.raises(DataError, match="1 images came"):
        relative_stability(respond, torch.zeros(1, 1, 8, 8))
    with pytest.raises(DataError, match="Sequential has no block '1'; it has 0"):
        relative_stability(respond, torch.zeros(2, 1, 8, 8))
