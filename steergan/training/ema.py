"""An exponential moving average of the generator's weights, and the network that is evaluated and saved."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor

from steergan.copies import copied
from steergan.layers import batch_norms, converge_spectral_norm, shared_filters
from steergan.pixels import as_unit
from steergan.randomness import torch_stream
from steergan.recipe import TrainingSettings
from steergan.training.latents import LatentLaw, draw_latents
from steergan.training.protocols import Generator, as_module


class ExponentialAverage:
    """Average of the generator's parameters over its steps.

    After step t, with n = t - ema_start and d = ema_decay,

        average <- generator                                  if n <= 0 (until the start the average is a copy)
        average <- d_n average + (1 - d_n) generator          if n > 0
        d_n = d                                               if ema_rampup = 0
        d_n = max(0, min(d, 1 - 1 / (ema_rampup n)))          if ema_rampup > 0

    so the horizon 1 / (1 - d_n) never exceeds the share `ema_rampup` of the steps since the start (or one step).
    Only parameters are averaged, and only they are the state. Buffers belong to the moment of a snapshot: they are the
    trained network's, except that spectral norm is brought to convergence for the averaged weights, and that batch-norm
    moments follow `ema_batch_norm`.

    Source: decay 0.9999, Dey et al., section 3.
    Differs: start, ramp-up and batch-norm policy are explicit; the paper does not state them.
    """

    def __init__(self, generator: Generator, settings: TrainingSettings) -> None:
        """A copy of the generator.

        Args:
            generator: the trained network, in training mode, on its final device; it is watched, not owned.
            settings: ema_decay, ema_start, ema_rampup, ema_batch_norm, batch_size, seed.
        """
        self.settings = settings
        self.network = cast(Generator, copied(as_module(generator)))
        self._names = [name for name, _ in generator.named_parameters()]
        self._trained = [p for _, p in generator.named_parameters()]
        self._averaged = [p.requires_grad_(False) for _, p in self.network.named_parameters()]
        self._buffers = list(
            zip((b for _, b in self.network.named_buffers()), (b for _, b in generator.named_buffers()), strict=True)
        )

    def decay(self, step: int) -> float:
        """Weight of the old average after generator step `step` (1 for the first), by the formula above."""
        n = step - self.settings.ema_start
        if n <= 0:
            return 0.0
        if self.settings.ema_rampup == 0:
            return self.settings.ema_decay
        return max(0.0, min(self.settings.ema_decay, 1 - 1 / (self.settings.ema_rampup * n)))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the generator's weights as they are after generator step `step`."""
        torch._foreach_lerp_(self._averaged, self._trained, 1 - self.decay(step))

    @torch.no_grad()
    def snapshot(self, step: int, labels: Tensor, *, law: LatentLaw = "normal", batches: int = 32) -> Generator:
        """The averaged generator, ready to be evaluated or saved: in eval mode, buffers prepared.

        A pure function of the averaged weights, the trained network's buffers, and the arguments; nothing that training
        reads is touched. The network returned is the same object every time, and holds until the next `update`.

        Args:
            step: generator step, for the random stream of `reestimate`.
            labels: (N,) int64, the labels that occur, as often as they occur; `reestimate` draws from them. Or what
                stands in their place: images, uint8 (N, C, H, W).
            law: law of the latents.
            batches: how many batches of `batch_size` samples `reestimate` averages over.
        """
        self.network.train()
        for averaged, trained in self._buffers:
            averaged.copy_(trained)
        converge_spectral_norm(as_module(self.network))
        self.network.eval()
        if self.settings.ema_batch_norm == "reestimate":
            self.refresh_batch_norm(step, labels, law=law, batches=batches)
        return self.network

    @torch.no_grad()
    def refresh_batch_norm(self, step: int, labels: Tensor, *, law: LatentLaw = "normal", batches: int = 32) -> None:
        """Measure batch-norm moments anew with the averaged weights: the plain mean over fresh batches' moments.

        Only batch norms are in training mode meanwhile, so spectral norm does not iterate. Arguments as for `snapshot`.
        """
        seed, count = self.settings.seed, self.settings.batch_size
        device = self._averaged[0].device
        with batch_norms_measuring(self.network) as norms, shared_filters(as_module(self.network)):
            for update in range(batches if norms else 0):
                draw = torch_stream(seed, f"batch-norm labels/{update}", step)
                y = as_unit(labels.cpu()[torch.randint(len(labels), (count,), generator=draw)].to(device))
                stream = torch_stream(seed, f"batch-norm/{update}", step)
                z, element = draw_latents(self.network, count, stream, law=law, device=device)
                self.network(z, y, element)

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged parameters by name; evaluation never changes them."""
        return {name: averaged.detach() for name, averaged in zip(self._names, self._averaged, strict=True)}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state_dict` gave.

        Raises:
            KeyError: the parameters' names differ.
        """
        if set(state) != set(self._names):
            raise KeyError(f"parameters {sorted(set(state) ^ set(self._names))[:3]} are not in both networks")
        for name, averaged in zip(self._names, self._averaged, strict=True):
            averaged.copy_(state[name])


@contextmanager
def batch_norms_measuring(network: Generator) -> Iterator[list[Any]]:
    """Put every module with running moments, and no other, into training mode with reset moments and equal weights."""
    norms = batch_norms(as_module(network))
    modes = [(norm.training, norm.momentum) for norm in norms]
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.training, norm.momentum = True, None
        yield norms
    finally:
        for norm, (training, momentum) in zip(norms, modes, strict=True):
            norm.training, norm.momentum = training, momentum
