"""Whether what runs on an accelerator is what runs on the CPU: the paths that CI, which has none, cannot try."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from steergan import run
from steergan.copies import copied
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.penalties import r1_penalty
from steergan.randomness import torch_stream
from steergan.recipe import PerformanceSettings, Recipe
from steergan.run.reporting import Silence
from steergan.training import Engine, load_weights
from steergan.verification import verify

GROUPS = ("trivial", "C4", "D4", "C8", "SO2")
SIDE, BATCH = 16, 8
WIDE = 1e-4
"""Largest relative difference of float32's gradients, R1's among them, from float64's; what rounding explains."""
R1_WEIGHT = 1e3
"""Its gradient in the weights then is as large as the score's, in networks that have seen nothing."""
NARROW = {"float32": WIDE, "tf32": 2e-2, "bfloat16": 2e-1}
"""The same for other precisions: mantissas of 23, 10 and 7 bits."""


class Check(NamedTuple):
    """What was tried, whether it holds, and the figure that says so."""

    name: str
    holds: bool
    figure: str

    @property
    def line(self) -> str:
        """For people."""
        return f"{'ok' if self.holds else 'FAULT':<6} {self.name}: {self.figure}"


def checks(device: str) -> Iterator[Check]:
    """Every check, as soon as it is known; one that raises is a fault and not the end."""
    kinds: list[Literal["off", "on", "cuda-graphs"]] = ["off", "on"]
    if torch.device(device).type == "cuda":
        kinds.append("cuda-graphs")
    tried: dict[str, Callable[[], tuple[bool, str]]] = {}
    for group in GROUPS:
        tried |= {f"{group}, {precision}": partial(gradients, group, precision, device) for precision in NARROW}
        tried[f"{group}, certificate"] = partial(certificate, group, device)
        tried[f"{group}, traced"] = partial(traced, group, device)
    for kind in kinds:
        tried[f"resume, compile = {kind}"] = partial(resumed, PerformanceSettings(compile=kind), device)
    for name, attempt in tried.items():
        try:
            yield Check(name, *attempt())
        except Exception as error:  # whatever an untried path raises
            yield Check(name, False, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def judge(group: str) -> Discriminator:
    """A small discriminator, the same at every call."""
    torch.manual_seed(0)
    return Discriminator(DiscriminatorSpec(group=group, widths=(16, 32)), (1, SIDE, SIDE), classes=3)


def batch() -> tuple[Tensor, Tensor]:
    """Images and labels on the CPU."""
    draw = torch_stream(0, "benchmark")
    return torch.rand(BATCH, 1, SIDE, SIDE, generator=draw) * 2 - 1, torch.arange(BATCH) % 3


def slopes(network: Any, image: Tensor, y: Tensor, engine: Engine) -> Tensor:
    """The gradient of a mean score and R1 in all weights, in float64 on the CPU."""
    image = image.clone().requires_grad_()
    with engine.products(), engine.narrow(image.device):
        score_B = network(image, y)
    with engine.products():
        loss = score_B.float().mean() if score_B.dtype != torch.float64 else score_B.mean()
        (loss + r1_penalty(score_B, image, R1_WEIGHT)).backward()
    return torch.cat([p.grad.flatten().cpu().double() for p in network.parameters() if p.grad is not None])


def gradients(group: str, precision: Any, device: str) -> tuple[bool, str]:
    """First and second derivatives on the device against float64 on the CPU."""
    image, y = batch()
    wanted = slopes(judge(group).double(), image.double(), y, Engine())
    engine = Engine(PerformanceSettings(precision=precision))
    found = slopes(judge(group).to(device), image.to(device), y.to(device), engine)
    error = float((found - wanted).norm() / wanted.norm())
    return error < NARROW[precision], f"gradients with R1 off by {error:.1e} (relative)"


def certificate(group: str, device: str) -> tuple[bool, str]:
    """A generator on the device is proved as on the CPU."""
    spec = GeneratorSpec(
        group=group, latent="dense", z_dim=16, embedding_dim=4, seed_width=8, widths=(8, 8), upsamplings=1
    )
    torch.manual_seed(0)
    synthesis = Generator(spec, (1, SIDE, SIDE), classes=3).to(device).synthesis
    found = verify(Conditioned(synthesis).to(device), SIDE // 2, in_type=synthesis.in_type, out_type=synthesis.out_type)
    wanted = "no claim" if group == "trivial" else "proved"
    return found.verdict == wanted, found.verdict


class Conditioned(nn.Module):
    """A synthesis under one conditioning vector."""

    def __init__(self, synthesis: Any) -> None:
        super().__init__()
        self.synthesis = synthesis
        self.c = nn.Buffer(torch.randn(1, 20, generator=torch_stream(0, "benchmark")))

    def forward(self, x: Any) -> Any:
        """A seed map -> an image."""
        return self.synthesis(x, self.c.expand(x.shape[0], -1))


def traced(group: str, device: str) -> tuple[bool, str]:
    """torch.jit's trace of a discriminator computes the same."""
    network = judge(group).to(device).eval()
    image, y = (tensor.to(device) for tensor in batch())
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and constants are baked in: people have such models
        wanted = network(image, y)
        found = torch.jit.trace(copied(network), (image, y))(image, y)
    error = float((found - wanted).norm() / wanted.norm())
    return error < WIDE, f"off by {error:.1e} (relative)"


def resumed(performance: PerformanceSettings, device: str) -> tuple[bool, str]:
    """Four steps at once, and two and two from a checkpoint: the same weights, or how far apart."""
    recipe = Recipe.model_validate(
        {
            "name": "resumed",
            "data": {"name": "digits"},
            "generator": {"z_dim": 8, "embedding_dim": 8, "seed_width": 8, "widths": [8, 8]},
            "discriminator": {"widths": [8, 8]},
            "loss": {"name": "hinge", "r1_weight": 0.1},
            "training": {"steps": 4, "batch_size": 16, "checkpoint_every": 2},
            "evaluation": {"samples": 64, "features": "classifier"},
            "performance": performance.model_dump(),
        }
    )
    shorter = recipe.model_copy(update={"training": recipe.training.model_copy(update={"steps": 2})})
    place = run.Place(device)
    with tempfile.TemporaryDirectory() as folder:
        whole = run.train(recipe, Path(folder) / "whole", report=Silence(), place=place)
        parts = run.train(shorter, Path(folder) / "parts", report=Silence(), place=place)
        run.resume(parts, report=Silence(), place=place, steps=4)
        a, b = (load_weights(path / "generator.safetensors")[0] for path in (whole, parts))
    apart = max(float((a[key].double() - b[key].double()).abs().max()) for key in a)
    largest = max(float(value.double().abs().max()) for value in a.values())
    said = "the same bits" if apart == 0 else f"off by {apart / largest:.1e} of the largest weight"
    return apart <= WIDE * largest, said
