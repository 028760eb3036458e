"""Bytes that a bad disk, a kill or an attacker leaves in place of a file's."""

import random
from collections.abc import Iterator

TYPES = {
    "empty": b"",
    "text": b"not what was wanted\n",
    "nested": b"[" * 100_000,
    "table": b"{}",
    "digits": b"9" * 5_000,
}
"""Files of another kind."""
HEADER = 256
"""Bytes in which most of what is said about a file stands."""


def damaged(content: bytes, count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Files of another kind, zeros, the file cut short, and with a flipped bit: each with its name.

    Args:
        content: of the whole file.
        count: of flips; there are a quarter as many cuts. Half of both are near the beginning.
        seed: of their places.
    """
    yield from TYPES.items()
    yield "zeros", bytes(len(content))
    draw = random.Random(seed)
    for k in range(count):
        place = draw.randrange(min(len(content), HEADER) if k % 2 else len(content))
        bit = draw.randrange(8)
        yield f"flip {place}:{bit}", content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
    for k in range(count // 4):
        end = draw.randrange(min(len(content), HEADER) if k % 2 else len(content))
        yield f"cut {end}", content[:end]
