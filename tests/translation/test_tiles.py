"""Images of any size: padded and cropped, whole or in tiles whose seams are measured."""

import pytest
import torch
from torch import Tensor

from steergan.errors import DataError
from steergan.translation import Tiling, translated


def image(height: int, width: int) -> Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(0)) * 2 - 1


def even(x: Tensor) -> Tensor:
    """A network that takes multiples of 4 only."""
    assert x.shape[2] % 4 == x.shape[3] % 4 == 0
    return -x


@pytest.mark.parametrize(
    ("height", "width", "padded", "tiles"),
    [(8, 12, (0, 0), 2), (7, 13, (1, 3), 3), (1, 5, (3, 3), 1), (2, 2, (2, 2), 1)],
)
@pytest.mark.parametrize("tile", [0, 8])
def test_any_size_comes_back_as_it_was(height: int, width: int, padded: tuple[int, int], tiles: int, tile: int) -> None:
    x = image(height, width)
    made, fit = translated(even, x, Tiling(4, tile, 2 if tile else 0))
    torch.testing.assert_close(made, -x)
    assert fit.padded == padded
    assert fit.seam == pytest.approx(0, abs=1e-4)
    assert fit.tiles == (tiles if tile else 1)


def test_borders_are_mirrored() -> None:
    seen: list[Tensor] = []

    def look(x: Tensor) -> Tensor:
        seen.append(x)
        return x

    translated(look, torch.tensor([[[1.0, 2.0, 3.0]]]), Tiling(5))
    assert seen[0][0, 0, 0].tolist() == [2, 1, 2, 3, 2]


def test_tiles_overlap_as_asked_and_cover_all() -> None:
    corners: list[tuple[float, float]] = []

    def look(x: Tensor) -> Tensor:
        corners.append((float(x[0, 0, 0, 0]), float(x[0, 1, 0, 0])))
        return x

    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(56.0), indexing="ij")
    made, fit = translated(look, torch.stack([y, x]), Tiling(4, 24, 8))
    torch.testing.assert_close(made, torch.stack([y, x]))
    assert sorted(corners) == [(top, left) for top in (0, 16) for left in (0, 16, 32)]
    assert fit.tiles == 6


def test_seams_are_measured_and_blended() -> None:
    calls = iter([0.0, 0.1])
    made, fit = translated(lambda x: torch.full_like(x, next(calls)), image(8, 12), Tiling(4, 8, 4))
    assert fit.seam == pytest.approx(0.1 * 127.5, rel=1e-4)
    row = made[0, 0]
    assert (row[:4] == 0).all()
    torch.testing.assert_close(row[8:], torch.full((4,), 0.1))
    assert (row[4:8].diff() > 0).all()


def test_padding_and_tiling_turn_with_the_image() -> None:
    kernel = torch.ones(3, 1, 3, 3) / 9

    def blur(x: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(x, kernel, padding=1, groups=3)

    for x in (image(18, 18), image(17, 13), image(18, 5)):
        for tiling in (Tiling(4), Tiling(4, 12, 4)):
            upright, turned = (translated(blur, one, tiling)[0] for one in (x, x.rot90(1, (1, 2))))
            torch.testing.assert_close(turned, upright.rot90(1, (1, 2)))


def test_tiles_that_overlap_by_more_than_half_are_refused() -> None:
    with pytest.raises(DataError, match=r"tiles of 8 pixels.*overlap = 5; an overlap of at most 4 was wanted"):
        translated(even, image(16, 16), Tiling(4, 8, 5))
