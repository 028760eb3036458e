"""Small runs in float64 that one process or several can do."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from steergan.augmentation import KINDS
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.randomness import torch_stream
from steergan.recipe import AugmentationSettings, LossSettings, PerformanceSettings, TrainingSettings
from steergan.training import ALONE, PLAIN, Engine, Hooks, Processes, RunState, joined, train

STEPS = 6
SHAPE = (1, 8, 8)
BATCH = 16
SMALL = GeneratorSpec(widths=(8,), upsamplings=1, z_dim=4, embedding_dim=4, seed_width=4)


class Case(NamedTuple):
    """One small run."""

    loss: LossSettings = LossSettings()
    discriminator: DiscriminatorSpec = DiscriminatorSpec(widths=(8,))
    generator: GeneratorSpec = SMALL
    augmentation: AugmentationSettings = AugmentationSettings()
    accumulate: int = 1
    performance: PerformanceSettings = PLAIN


REGULARISED = AugmentationSettings(
    standard=True, consistency_real=1.0, consistency_fake=1.0, rotation_discriminator=1.0, rotation_generator=0.2,
    adaptive_target=0.1, adaptive_images=200,
    transforms=tuple(name for name in KINDS if name not in ("hue", "luma-flip")),
)  # fmt: skip
NORMS = DiscriminatorSpec(widths=(8,), architecture="residual", batch_norm=True, spectral_norm="off")
STEERED = SMALL.model_copy(update={"group": "SO2", "latent": "dense", "frequency": 1, "widths": (6,)})
CASES = {
    "non-saturating": Case(LossSettings(name="non-saturating", r1_weight=0.5)),
    "wasserstein": Case(LossSettings(name="wasserstein", r1_weight=0.0, wgan_gp_weight=2.0)),
    "relativistic-average": Case(LossSettings(name="relativistic-average", r1_weight=0.5)),
    "hinge": Case(LossSettings(name="hinge", r1_weight=0.0), performance=PerformanceSettings()),
    "pairs in parts": Case(LossSettings(name="relativistic-pairing", r1_weight=0.5, r2_weight=0.3), accumulate=2),
    "batch norm in D": Case(LossSettings(name="relativistic-average", r1_weight=0.5), NORMS),
    "fields off the grid": Case(
        LossSettings(name="hinge", r1_weight=0.1), NORMS.model_copy(update={"group": "SO2"}), STEERED
    ),
    "images compared": Case(
        LossSettings(name="hinge", r1_weight=0.5), DiscriminatorSpec(widths=(8,), minibatch_deviation=4), accumulate=2
    ),
    "regularisers": Case(LossSettings(name="hinge", r1_weight=0.1), augmentation=REGULARISED),
    "in parts": Case(
        LossSettings(name="relativistic-average", r1_weight=0.5, orthogonal_weight=0.1), accumulate=2
    ),
    "in parts, batch norm in D": Case(LossSettings(name="wasserstein", r1_weight=0.5), NORMS, accumulate=2),
}


REDUNDANT = {"non-saturating", "relativistic-average", "batch norm in D"}
"""What these are about, others are about too."""


class Wide(nn.Module):
    """A network in float64 that takes latents and images of any precision."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner.double()

    def forward(self, x: Tensor, *rest: Any) -> Tensor:
        made: Tensor = self.inner(x.double(), *rest)
        return made

    def rotation_logits(self, image: Tensor) -> Tensor:
        made: Tensor = self.inner.rotation_logits(image.double())
        return made

    def __getattr__(self, name: str) -> Any:
        if name in ("z_dim", "classes", "image_shape", "elements"):
            return getattr(self.inner, name)
        return super().__getattr__(name)


def start(case: Case) -> tuple[RunState, TrainingSettings]:
    settings = TrainingSettings(
        steps=STEPS, batch_size=BATCH, seed=5, discriminator_updates=1, generator_rate=1e-3, discriminator_rate=1e-3,
        accumulate=case.accumulate, beta1=0.5,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        generator = Generator(case.generator, SHAPE, 2)
        discriminator = Discriminator(case.discriminator, SHAPE, 2, rotations=4)
    state = RunState.start(Wide(generator), Wide(discriminator), settings, case.augmentation)
    return state, settings


def batches(step: int, update: int) -> tuple[Tensor, Tensor]:
    """Noise whose mean is its class's."""
    draw = torch_stream(1, f"world/{update}", step)
    y = torch.randint(2, (BATCH,), generator=draw)
    return (torch.rand(BATCH, *SHAPE, generator=draw, dtype=torch.float64) - y.view(-1, 1, 1, 1)).clamp(-1, 1), y


def result(
    case: Case,
    processes: Processes = ALONE,
    *,
    steps: int = STEPS,
    record_every: int = 1,
    prepare: Callable[[Any], None] = lambda network: None,
) -> dict[str, Any]:
    """The metrics of the steps that are recorded, and every weight and buffer afterwards."""
    state, settings = start(case)
    for network in state.networks:
        prepare(network)
    settings = settings.model_copy(update={"steps": steps})
    rows = processes.rows(BATCH, case.accumulate)

    def own_rows(step: int, update: int) -> tuple[Tensor, Tensor]:
        image, y = batches(step, update)
        return torch.cat([image[some] for some in rows]), torch.cat([y[some] for some in rows])

    found: list[dict[str, float]] = []
    engine = Engine(case.performance, processes)
    hooks = Hooks(record_every=record_every, on_record=found.append)
    train(state, own_rows, settings, case.loss, engine=engine, hooks=hooks)
    for row in found:
        del row["seconds_per_step"]
    return {"rows": found, "state": state.state_dict()}


def work(path: Path, names: Sequence[str], environment: Mapping[str, str]) -> None:
    """What one of several processes does: these runs; the first process writes what came out."""
    torch.set_num_threads(1)
    os.environ.update(environment)
    with joined(torch.device("cpu")) as processes:
        found = {name: result(CASES[name], processes) for name in names}
        if processes.first:
            torch.save(found, path)
