"""Lines and images at other places, as linear maps with proper filters, differentiable any number of times.

Every kernel is its own mirror image, and a line goes on as its mirror image without repeating its ends: so these maps
commute with D4 in real arithmetic. All of them are products and gathers: torch's `grid_sample` has no second
derivative.
"""

import torch
from torch import Tensor

LOBES = 3
"""Half-width of Lanczos' kernel in samples, at its cutoff."""
BANDS = 4
"""Octaves of frequencies: up to 1/8, 1/4, 1/2 and 1 of the largest that pixels can show."""


def reflected(place: Tensor, size: int) -> Tensor:
    """Where a line of `size` samples has what its mirrored continuation has at a place."""
    period = max(2 * (size - 1), 1)
    return (size - 1) - (place.remainder(period) - (size - 1)).abs()


def lanczos(size: int, place_M: Tensor, step: int) -> Tensor:
    """The matrix (M, N) that filters a line of N samples by Lanczos' kernel and takes the result at places.

    Args:
        size: N.
        place_M: in samples, from 0 to N - 1.
        step: passed are frequencies up to 1 / `step` of the largest; 1 interpolates.
    """
    period, sample_N = max(2 * (size - 1), 1), torch.arange(size, dtype=place_M.dtype, device=place_M.device)
    copies = -(-(LOBES * step + size) // period)
    start_R = period * torch.arange(-copies, copies + 1, dtype=place_M.dtype, device=place_M.device)
    # Mirrored, sample j lies at every start + j and start - j.
    both_2N = torch.stack([sample_N, -sample_N])
    distance_R2MN = (place_M[:, None] - both_2N[:, None] - start_R[:, None, None, None]) / step
    kernel = distance_R2MN.sinc() * (distance_R2MN / LOBES).sinc() * (distance_R2MN.abs() < LOBES)
    weight_MN = kernel.sum(dim=(0, 1))
    # The two ends are their own mirror images, and came twice.
    weight_MN = weight_MN * torch.where(sample_N.remainder(max(size - 1, 1)) == 0, 0.5, 1.0)
    return weight_MN / weight_MN.sum(dim=1, keepdim=True)


def refined(image: Tensor) -> Tensor:
    """Images (B, C, H, W) with the places between their pixels, (B, C, 2 H - 1, 2 W - 1)."""
    height, width = image.shape[2:]
    return doubled(height, image) @ image @ doubled(width, image).mT


def warp(image: Tensor, affine_B23: Tensor) -> Tensor:
    """Images moved by affine maps: interpolated to twice the resolution, looked up there linearly, and brought back.

    Args:
        image: (B, C, H, W).
        affine_B23: where each pixel comes from: offset from the middle (down, right) in pixels -> offset of its source.

    Symmetry: g warp(x, A) = warp(g x, g A g^-1) for D4 and square images, in real arithmetic.

    Source: Karras et al. 2020, appendix B: twice the resolution, bilinear, and a low pass before every second pixel is
        taken, reflections at the edge.
    Differs: Lanczos' kernel, its own mirror image, where the source has the wavelet sym6, which is not.
    """
    height, width = image.shape[2:]
    fine = refined(image)
    margin = 2 * LOBES

    def wanted(size: int) -> Tensor:
        half_steps = torch.arange(-margin, 2 * size - 1 + margin, dtype=image.dtype, device=image.device)
        return (half_steps - (size - 1)) / 2

    down_M, right_M = wanted(height), wanted(width)
    offset_MM3 = torch.stack(
        [*torch.meshgrid(down_M, right_M, indexing="ij"), image.new_ones(len(down_M), len(right_M))], dim=-1
    )
    place_BMM2 = (offset_MM3 @ affine_B23.to(image.dtype)[:, None].mT) * 2
    found = looked_up(fine, place_BMM2[..., 0] + (height - 1), place_BMM2[..., 1] + (width - 1))
    return halved(height, image) @ found @ halved(width, image).mT


def doubled(size: int, like: Tensor) -> Tensor:
    """(2N - 1, N): a line and the places between its samples."""
    return lanczos(size, torch.arange(2 * size - 1, dtype=like.dtype, device=like.device) / 2, step=1)


def halved(size: int, like: Tensor) -> Tensor:
    """(N, 2N - 1 + 4 * LOBES): a line of half-steps with margins, back to N samples."""
    margin = 2 * LOBES
    place_N = margin + 2 * torch.arange(size, dtype=like.dtype, device=like.device)
    return lanczos(2 * size - 1 + 2 * margin, place_N, step=2)


def looked_up(image: Tensor, down_BMM: Tensor, right_BMM: Tensor) -> Tensor:
    """Images at places between their pixels, bilinearly, mirrored outside: (B, C, M, M)."""
    (height, width), shape = image.shape[2:], down_BMM.shape[1:]

    def corners(place: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
        inside = reflected(place, size)
        low = inside.floor().clamp(0, max(size - 2, 0))
        return low.long(), (low.long() + 1).clamp(max=size - 1), inside - low

    top, bottom, below = corners(down_BMM, height)
    left, right, beside = corners(right_BMM, width)
    flat_BCP = image.flatten(2)

    def at(row: Tensor, column: Tensor) -> Tensor:
        index_BCM = (row * width + column).flatten(1)[:, None].expand(-1, image.shape[1], -1)
        return flat_BCP.gather(2, index_BCM).unflatten(2, shape)

    below, beside = below[:, None], beside[:, None]
    upper = at(top, left) * (1 - beside) + at(top, right) * beside
    lower = at(bottom, left) * (1 - beside) + at(bottom, right) * beside
    return upper * (1 - below) + lower * below


def filter_bands(image: Tensor, gain_B4: Tensor) -> Tensor:
    """Images with each octave of their frequencies made stronger or weaker; gains of 1 change no bit.

    Args:
        image: (B, C, H, W).
        gain_B4: from the lowest octave to the highest.

    Symmetry: commutes with D4 in real arithmetic: the same even kernel along rows and columns.
    """
    gain_B4 = gain_B4.to(image.dtype)
    found = image * gain_B4[:, BANDS - 1, None, None, None]
    for band in range(BANDS - 1):
        step = 2 ** (BANDS - 1 - band)
        rows_HH, columns_WW = (
            lanczos(size, torch.arange(size, dtype=image.dtype, device=image.device), step) for size in image.shape[2:]
        )
        difference_B = gain_B4[:, band] - gain_B4[:, band + 1]
        # The octaves are what one low pass lets through and the next does not.
        found = found + (rows_HH @ image @ columns_WW.mT) * difference_B[:, None, None, None]
    return found
