"""Batches that are ready when they are asked for."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from torch import Tensor

Batch = tuple[Tensor, Tensor]


class Prefetch:
    """A function (step, update) -> batch whose next results a thread prepares, in the order in which training asks.

    The results are the function's own: which batch comes is decided by its number alone.

    Args:
        batches: a pure function.
        updates: of a step: 0, 1, ... updates - 1.
        depth: batches that are prepared ahead; 0: none, and no thread.
        pinned: whether they lie in memory that a GPU reads while the CPU goes on.
    """

    def __init__(self, batches: Callable[[int, int], Batch], updates: int, depth: int, pinned: bool = False) -> None:
        self.batches, self.updates, self.depth, self.pinned = batches, updates, depth, pinned
        self.waiting: dict[tuple[int, int], Future[Batch]] = {}
        self.thread = ThreadPoolExecutor(1) if depth else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.thread is not None:
            self.thread.shutdown(cancel_futures=True)

    def __call__(self, step: int, update: int) -> Batch:
        """Images (B, C, H, W) and labels (B,) of an update; those that follow are begun."""
        if self.thread is None:
            return self.made(step, update)
        found = self.waiting.pop((step, update), None)
        number = step * self.updates + update
        ahead = [divmod(number + i, self.updates) for i in range(1, self.depth + 1)]
        self.waiting = {key: value for key, value in self.waiting.items() if key in ahead}
        for key in ahead:
            if key not in self.waiting:
                self.waiting[key] = self.thread.submit(self.made, *key)
        return self.made(step, update) if found is None else found.result()

    def made(self, step: int, update: int) -> Batch:
        """A batch, made now."""
        image, y = self.batches(step, update)
        return (image.pin_memory(), y.pin_memory()) if self.pinned else (image, y)
