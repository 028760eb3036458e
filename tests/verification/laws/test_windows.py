"""Where windows lie: the arithmetic against unit impulses and torch's own placing."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from steergan.verification.laws.windows import transposed_fault, window_fault, window_starts


def commutes(size: tuple[int, int], kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> bool:
    """Whether sums over windows (and how many windows there are) commute with quarter turns and reflections."""
    taps = torch.ones(1, 1, kernel, kernel)
    impulses = torch.eye(size[0] * size[1]).view(-1, 1, *size)

    def windows(x: Tensor) -> Tensor:
        if not ceil:
            return F.conv2d(x, taps, stride=stride, padding=padding, dilation=dilation)
        # A maximum sees which windows an impulse lies in, padding apart.
        return F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode=True)

    out = windows(impulses)
    for turn in (lambda x: x.rot90(1, (2, 3)), lambda x: x.flip(3), lambda x: x.flip(2)):
        moved = windows(turn(impulses))
        if moved.shape != turn(out).shape or not torch.equal(moved, turn(out)):
            return False
    return True


@pytest.mark.parametrize("kernel", range(1, 5))
@pytest.mark.parametrize("ceil", [False, True])
def test_windows_lie_askew_where_unit_impulses_say_so(kernel: int, ceil: bool) -> None:
    for size in range(3, 10):
        for stride in range(1, 4):
            for padding in range(kernel // 2 + 1):
                for dilation in (1, 2):
                    if dilation * (kernel - 1) + 1 > size + 2 * padding:
                        continue
                    setting = (kernel, stride, padding, dilation, ceil)
                    fault = window_fault((size, size), *setting)
                    right = commutes((size, size), *setting)
                    # Windows that are mirror images pixel by pixel are enough; a window of one pixel, or one that
                    # lies in the padding, may hide that they are not.
                    assert right or fault is not None, (size, setting)
                    assert fault is None or not right or ceil or kernel == 1 or padding, (size, setting, fault)


@pytest.mark.parametrize("ceil", [False, True])
def test_windows_start_where_torch_places_them(ceil: bool) -> None:
    for size in range(3, 10):
        for kernel in range(1, 5):
            for stride in range(1, 4):
                for padding in range(kernel // 2 + 1):
                    if kernel > size + 2 * padding:
                        continue
                    starts = window_starts(size, kernel, stride, padding, 1, ceil)
                    out, where = F.max_pool2d(
                        torch.arange(size, 0.0, -1).view(1, 1, 1, size).double(),
                        (1, kernel), (1, stride), (0, padding), ceil_mode=ceil, return_indices=True,
                    )  # fmt: skip
                    assert out.shape[3] == len(starts)
                    assert where.flatten().tolist() == [max(start, 0) for start in starts]


def test_windows_that_differ_between_axes_and_rectangles_are_told() -> None:
    assert window_fault((6, 6), (2, 3), 1, 0, 1) is not None
    assert window_fault((6, 6), 2, (1, 2), 0, 1) is not None
    assert window_fault((6, 8), 2, 2, 0, 1) is None
    fault = window_fault((6, 7), 2, 2, 0, 1)
    assert fault is not None
    assert "size 7" in fault


@pytest.mark.parametrize("kernel", range(1, 5))
def test_transposed_windows_lie_askew_where_unit_impulses_say_so(kernel: int) -> None:
    taps = torch.ones(1, 1, kernel, kernel)
    turns = (lambda x: x.rot90(1, (2, 3)), lambda x: x.flip(3), lambda x: x.flip(2))
    for size in (2, 3):
        impulses = torch.eye(size * size).view(-1, 1, size, size)
        for stride, padding, added, dilation in itertools.product(range(1, 4), range(3), range(2), (1, 2)):
            ends = (size - 1) * stride + dilation * (kernel - 1) + 1 - 2 * padding
            if added >= max(stride, dilation) or ends < 1:
                continue

            def spread(x: Tensor, s: int = stride, p: int = padding, a: int = added, d: int = dilation) -> Tensor:
                return F.conv_transpose2d(x, taps, None, s, p, a, 1, d)

            fault = transposed_fault((size, size), kernel, stride, padding, dilation, added)
            right = all(torch.equal(spread(turn(impulses)), turn(spread(impulses))) for turn in turns)
            assert (fault is None) == (added == 0)
            assert right or fault is not None, (size, stride, padding, added, dilation)
            empty = not bool(spread(impulses).any())  # all of it was cut off
            assert fault is None or not right or empty, (size, stride, padding, added, dilation)
    assert transposed_fault((4, 4), (2, 3), 1, 0, 1, 0) is not None
