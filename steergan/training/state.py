"""Everything that training changes, in one place that can be saved and restored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from steergan.augmentation import Augmentation
from steergan.errors import RunError, reason
from steergan.recipe import AugmentationSettings, TrainingSettings
from steergan.training.ema import ExponentialAverage
from steergan.training.protocols import Discriminator, Generator, Network
from steergan.training.updates import trained_parameters

ASKED = {
    "z_dim": "length of the latent",
    "classes": "number of labels",
    "image_shape": "(C, H, W)",
    "elements": "order of the group of which it takes elements, or 0",
}
"""What a generator's attributes tell training."""


@dataclass
class RunState:
    """Two networks, the average, two optimizers and the clock; two equal states go on equally."""

    generator: Generator
    discriminator: Discriminator
    average: ExponentialAverage
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer
    augmentation: Augmentation
    """Its probability is part of the state, if it adapts one."""
    step: int = 0
    """Generator steps done."""

    @classmethod
    def start(
        cls,
        generator: Generator,
        discriminator: Discriminator,
        settings: TrainingSettings,
        augmentation: AugmentationSettings | None = None,
    ) -> Self:
        """The state before the first step, from two networks on their final device; puts them in training mode.

        Raises:
            SteerganError: an augmentation that can't be had; see `Augmentation`. A generator that does not say what
                it takes and gives, or a network without weights.
        """
        check_pair(generator, discriminator)
        device = next(p for _, p in generator.named_parameters()).device
        augmented = Augmentation(augmentation or AugmentationSettings(), generator.image_shape, device)
        generator.train()
        discriminator.train()
        return cls(
            generator,
            discriminator,
            ExponentialAverage(generator, settings),
            adam(generator, settings.generator_rate, settings),
            adam(discriminator, settings.discriminator_rate, settings),
            augmented,
        )

    @property
    def device(self) -> torch.device:
        """Where the generator's weights are."""
        return trained_parameters(self.generator_optimizer)[0].device

    @property
    def networks(self) -> tuple[Generator, Discriminator]:
        """What is trained."""
        return self.generator, self.discriminator

    def members(self) -> dict[str, Any]:
        """Everything that has a state_dict of its own."""
        members = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "average": self.average,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }
        return members if self.augmentation.adaptive is None else members | {"augmentation": self.augmentation.adaptive}

    def state_dict(self) -> dict[str, Any]:
        """Every weight, moment, buffer and clock, for `save_checkpoint`; tensors are the networks' own, not copies."""
        return {"step": self.step} | {name: member.state_dict() for name, member in self.members().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave, on whatever device.

        A state without a probability of augmentation leaves it as it is: at 0, in a new object.

        Raises:
            RunError: the state is of other networks.
        """
        try:
            for name, member in self.members().items():
                if name in state or name != "augmentation":
                    member.load_state_dict(state[name])
            self.step = int(state["step"])
        except Exception as error:  # whatever a network or an optimizer raises at another's state
            raise RunError(
                f"the checkpoint is of other networks than this recipe's ({reason(error)}); choose another --out"
            ) from None

    def check_finite(self) -> None:
        """Look at every weight and buffer.

        Raises:
            DivergenceError: one is nan or infinite.
        """
        for name in ("generator", "discriminator", "average"):
            tensors = [t for t in self.members()[name].state_dict().values() if isinstance(t, Tensor)]
            finite = [t.isfinite().all() for t in tensors if t.is_floating_point()]
            if finite and not bool(torch.stack(finite).all()):
                raise divergence(f"a weight of the {name} is not finite", self.step)


def check_pair(generator: Generator, discriminator: Discriminator) -> None:
    """Refuse networks that lack what training asks of them.

    Raises:
        RunError: they do.
    """
    wanted = {name: note for name, note in ASKED.items() if not hasattr(generator, name)}
    if wanted:
        names = ", ".join(f"{name} ({note})" for name, note in wanted.items())
        raise RunError(f"{type(generator).__name__} lacks what a generator has to say: {names}; set these attributes")
    for network in (generator, discriminator):
        if next(network.named_parameters(), None) is None:
            raise RunError(f"{type(network).__name__} has no parameters; there is nothing to train")


def adam(network: Network, rate: float, settings: TrainingSettings) -> torch.optim.Adam:
    """Adam with the recipe's moments, in one kernel where there is one."""
    parameters = [p for _, p in network.named_parameters()]
    fused = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in parameters)
    return torch.optim.Adam(parameters, lr=rate, betas=(settings.beta1, settings.beta2), fused=fused)


class DivergenceError(RunError):
    """Numbers that ran away: no more steps make sense."""


def divergence(what: str, step: int) -> DivergenceError:
    """The user's line about numbers that ran away."""
    return DivergenceError(f"{what} at step {step}; lower the learning rates or raise loss.r1_weight")
