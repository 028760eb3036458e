"""Do the windows of a pool or a convolution lie symmetrically on a map? In integers, at the actual size."""

from collections.abc import Sequence

Pair = int | Sequence[int]


def pair(value: Pair) -> tuple[int, int]:
    """A setting for both axes."""
    if isinstance(value, int):
        return value, value
    entries = [int(n) for n in value]
    return (entries[0], entries[0]) if len(entries) == 1 else (entries[0], entries[1])


def window_starts(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> list[int]:
    """First pixels of the windows along one axis, as torch places them."""
    reach = dilation * (kernel - 1) + 1
    room = size + 2 * padding - reach
    count = (-(-room // stride) if ceil else room // stride) + 1
    if ceil and (count - 1) * stride >= size + padding:
        count -= 1  # torch drops a window that would start in the padding behind the map
    return [w * stride - padding for w in range(count)]


def window_fault(
    size: tuple[int, int], kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil: bool = False
) -> str | None:
    """Why windows do not commute with all quarter turns and reflections of a map; None if they do.

    The windows along an axis have to be mirror images of themselves: the multiset of pixels {n - 1 - p} of window w is
    that of window count - 1 - w. Without ceil_mode that is (n + 2 padding - reach) mod stride = 0. Both axes have to
    agree, or a quarter turn would take windows of one shape to another.
    """
    settings = [pair(kernel), pair(stride), pair(padding), pair(dilation)]
    if any(a != b for a, b in settings):
        return "windows that differ between rows and columns do not turn by 90 degrees"
    k, s, p, d = (a for a, _ in settings)
    for n in size:
        starts = window_starts(n, k, s, p, d, ceil)
        reach = d * (k - 1)
        mirrored = sorted(n - 1 - (start + reach) for start in starts)
        if mirrored != starts:
            left = (n + 2 * p - reach - 1) % s
            return (
                f"at size {n} the windows (kernel {k}, stride {s}, padding {p}) lie askew: "
                f"({n} + 2 x {p} - {reach + 1}) mod {s} = {left}, not 0"
            )
    return None


def transposed_fault(
    size: tuple[int, int], kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, added: Pair
) -> str | None:
    """Why a transposed convolution does not commute with all quarter turns and reflections of a map; None if it does.

    By tap t pixel i reaches pixel s i + d t - p of the larger map. The last pixel by the last tap, n - 1 - i and
    k - 1 - t, has to reach what is the mirror image there, m - 1 - (s i + d t - p). Their sum is s (n - 1) + d (k - 1)
    - 2 p = m - 1, which holds of m = s (n - 1) + d (k - 1) + 1 - 2 p + (output padding) without output padding.

    Args:
        size: (H, W) in pixels of the map that comes in.
        kernel: size of the filter, in taps.
        stride: in pixels of the larger map.
        padding: pixels that are cut off on every side.
        dilation: pixels between taps.
        added: the output padding, pixels that are added on one side.
    """
    settings = [pair(setting) for setting in (kernel, stride, padding, dilation)]
    if any(a != b for a, b in settings):
        return "windows that differ between rows and columns do not turn by 90 degrees"
    k, s, p, d = (a for a, _ in settings)
    for n, more in zip(size, pair(added), strict=True):
        if more:
            ends = (n - 1) * s + d * (k - 1) + 1 - 2 * p
            return (
                f"at size {n} the result has {ends + more} pixels, and {ends} lie symmetrically "
                f"(kernel {k}, stride {s}, padding {p}): an output padding of {more} is added on one side"
            )
    return None
