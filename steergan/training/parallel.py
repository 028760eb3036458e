"""One run on several processes: who holds which images of a batch, and what they tell each other.

Every process draws the whole batch's indices, labels, latents and transforms, functions of (seed, step, update), and
takes its own rows of them; so the number of processes decides nothing but who computes what. Scores are gathered,
so that every process evaluates the loss of the whole batch, and keeps the part of its gradient that goes through its
own scores; the sum of those over the processes is the whole gradient.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from steergan.errors import RecipeError, RunError

Result = TypeVar("Result")
PATIENCE = timedelta(hours=24)
"""How long a process waits for others: the first measures samples meanwhile. One that is gone is noticed at once."""


class Total(torch.autograd.Function):
    """The sum of a tensor over all processes. It is its own adjoint, so derivatives of every order exist."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """A process's tensor -> the sum of all, of the same shape."""
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """The gradient of the sum, in this process -> the sum of all processes' gradients."""
        return Total.apply(grad)


@dataclass(frozen=True)
class Processes:
    """The processes of a run, seen from one of them; made by `joined`. The default is a run on one.

    Attributes:
        rank: number of this one, from 0.
        count: N, how many there are.
        control: a group on the CPU, for words and flags.
    """

    rank: int = 0
    count: int = 1
    control: Any = None

    def __deepcopy__(self, memo: object) -> Self:
        """Copies of networks, which may know their processes, belong to the same ones."""
        return self

    @property
    def first(self) -> bool:
        """Whether this is the one that writes files and talks to the user."""
        return self.rank == 0

    def name(self, stream: str) -> str:
        """The name of a random stream that processes have of their own."""
        return f"{stream}/{self.rank}" if self.rank else stream

    def rows(self, batch_size: int, parts: int = 1) -> list[slice]:
        """The rows of a batch that this process sees, a stretch for each part that goes through the networks.

        Raises:
            RecipeError: the batch can't be divided so.
        """
        if batch_size % (parts * self.count):
            among = [f"training.accumulate = {parts}"] * (parts > 1) + [f"{self.count} processes"] * (self.count > 1)
            raise RecipeError(
                f"training.batch_size = {batch_size} can't be divided by {parts * self.count} ({', '.join(among)}); "
                f"choose a multiple of {parts * self.count}"
            )
        size = batch_size // (parts * self.count)
        return [slice(start, start + size) for start in range(self.rank * size, batch_size, self.count * size)]

    def gathered(self, own: Tensor) -> Tensor:
        """The rows of all processes, in order; gradients go to this one's. (B / N, ...) -> (B, ...)."""
        if self.count == 1:
            return own
        rows = [torch.empty_like(own) for _ in range(self.count)]
        dist.all_gather(rows, own.detach().contiguous())
        rows[self.rank] = own
        return torch.cat(rows)

    def gather_moments(self, own: Tensor) -> Tensor:
        """(n,) -> (N, n), a row of every process; gradients go to all of them, any number of times."""
        return Total.apply(torch.stack([own if i == self.rank else torch.zeros_like(own) for i in range(self.count)]))

    @torch.no_grad()
    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace the gradient of every parameter by its sum over the processes, in one message a type of number."""
        if self.count == 1:
            return
        grads = [p.grad for p in parameters if p.grad is not None]
        for dtype in dict.fromkeys(grad.dtype for grad in grads):
            some = [grad for grad in grads if grad.dtype == dtype]
            message = torch.cat([grad.flatten() for grad in some])
            dist.all_reduce(message)
            sums = message.split([grad.numel() for grad in some])
            torch._foreach_copy_(some, [total.view_as(grad) for total, grad in zip(sums, some, strict=True)])

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a tensor over the processes."""
        if self.count == 1:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total / self.count

    def any(self, flag: bool) -> bool:
        """Whether any process says so; all get the same answer."""
        if self.count == 1:
            return flag
        answer = torch.tensor(int(flag))
        dist.all_reduce(answer, op=dist.ReduceOp.MAX, group=self.control)
        return bool(answer)

    def told(self, word: Any) -> Any:
        """What the first process says, on all of them."""
        if self.count == 1:
            return word
        words = [word]
        dist.broadcast_object_list(words, src=0, group=self.control)
        return words[0]

    def wait(self) -> None:
        """Until all have come here."""
        self.any(False)

    def after_first(self, work: Callable[[], Result]) -> Result:
        """What the work gives; the others do it after the first process, and find what it left on the disk."""
        if self.first:
            found = work()
            self.told(None)
            return found
        self.told(None)
        return work()

    def check_agreement(self, values: Sequence[Tensor]) -> None:
        """All processes start from the same numbers.

        Raises:
            RunError: they don't.
        """
        if self.count == 1:
            return
        digest = hashlib.blake2b(digest_size=7)
        for value in values:
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        least = torch.tensor(int.from_bytes(digest.digest(), "big"))
        most = least.clone()
        dist.all_reduce(least, op=dist.ReduceOp.MIN, group=self.control)
        dist.all_reduce(most, op=dist.ReduceOp.MAX, group=self.control)
        if not torch.equal(least, most):
            raise RunError(
                "the processes of this run start from different weights; build the networks from the same seed in "
                "each, or load the same file"
            )


ALONE = Processes()


def launched() -> bool:
    """Whether torchrun started this process."""
    return dist.is_available() and dist.is_torchelastic_launched()


def own_device(device: str) -> torch.device:
    """The device of this process: under torchrun a GPU each, in their order on the machine.

    Raises:
        RunError: there are fewer GPUs than processes.
    """
    if not launched() or torch.device(device).type != "cuda":
        return torch.device(device)
    number, there = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if number >= there:
        raise RunError(
            f"{there} GPUs here for {os.environ['LOCAL_WORLD_SIZE']} processes; start as many as there are GPUs, "
            "or use --device cpu"
        )
    return torch.device("cuda", number)


def is_first_to_tell() -> bool:
    """Whether no other process of this run has told the user of a fault or a stop; asked once, when telling.

    The processes may have lost each other by then, so they ask torchrun's own store.
    """
    if not launched():
        return True
    try:
        place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
        store = dist.TCPStore(*place, is_master=False, timeout=timedelta(seconds=5))  # type: ignore[attr-defined]
        return int(store.add(f"steergan/told/{os.environ['TORCHELASTIC_RESTART_COUNT']}", 1)) == 1
    except (RuntimeError, KeyError, ValueError):
        return True


LOST = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe")
"""Words in torch's errors about a process that is gone."""


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes that torchrun started together with this one, until the end of the block; else this one alone.

    They talk through NCCL about tensors on GPUs, and through gloo about all else.

    Args:
        device: of this process's networks, see `own_device`.

    Raises:
        RunError: another process is gone.
    """
    if not launched():
        yield ALONE
        return
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        control = dist.new_group(backend="gloo", timeout=PATIENCE) if device.type == "cuda" else dist.group.WORLD
        yield Processes(dist.get_rank(), dist.get_world_size(), control)
    except RuntimeError as error:
        if any(word in str(error).lower() for word in LOST):
            raise RunError(
                "another process of this run has ended; what was saved before is whole, and the same command goes on "
                "from there"
            ) from None
        raise
    finally:
        dist.destroy_process_group()
