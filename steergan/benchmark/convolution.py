"""Convolutions in the group's Fourier basis: layers, whole steps and limits as tables, JSON and a claim."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import torch

from benchmarks.convolution_limit import LimitTimes, limit_table, limits_json, time_limits
from steergan.benchmark.convolution_layers import LayerTimes, layer_table, layers_json, time_layers
from steergan.benchmark.convolution_rivals import FORWARD, OWN, instructions
from steergan.benchmark.convolution_steps import (
    AUTO,
    STEP_BATCH,
    StepCase,
    StepTimes,
    step_cases,
    step_table,
    steps_json,
    time_steps,
)
from steergan.benchmark.timing import WARM_UP, Progress
from steergan.recipe import read_recipe
from steergan.results import Result
from steergan.run.about import surroundings
from steergan.tables import Table, shown

PARTS = ("layers", "steps", "limit")


@dataclass(frozen=True)
class ConvolutionBenchmark:
    """What was measured; a part that was not asked for is empty."""

    layers: Sequence[LayerTimes] = ()
    steps: Sequence[StepTimes] = ()
    limit: Sequence[LimitTimes] = ()


def measure(
    found: ConvolutionBenchmark,
    part: str,
    rounds: int,
    cases: Sequence[StepCase] = (),
    progress: Progress = lambda done, total: None,
) -> ConvolutionBenchmark:
    """Measure one more part.

    Args:
        found: the parts that there are.
        part: one of `PARTS`.
        rounds: timed calls of each rival.
        cases: whose steps are timed.
        progress: called with (calls done, calls in all).

    Raises:
        SteerganError: this process has no kernels.
    """
    if part == "layers":
        return replace(found, layers=time_layers(rounds, progress=progress))
    if part == "limit":
        return replace(found, limit=time_limits(rounds, progress=progress))
    return replace(found, steps=time_steps(rounds, cases, progress))


def cases_of(recipe: str | os.PathLike[str], overrides: Sequence[str] = ()) -> list[StepCase]:
    """What a recipe's file has timed: with batches of `STEP_BATCH`, unless the overrides say otherwise.

    Raises:
        RecipeError: the recipe can't be read.
    """
    return step_cases(read_recipe(recipe, (f"training.batch_size={STEP_BATCH}", *overrides)))


def tables(found: ConvolutionBenchmark) -> list[Table]:
    """A table for each part that was measured."""
    made = []
    if found.layers:
        made.append(layer_table(found.layers))
    if found.steps:
        made.append(step_table(found.steps))
    if found.limit:
        made.append(limit_table(found.limit))
    return made


def verdict(found: ConvolutionBenchmark) -> str:
    """Which targets are met, in plain sentences."""
    sentences = []
    if found.layers:
        missing = [f"{times.layer.name} ({', '.join(missed)})" for times in found.layers if (missed := times.missed())]
        rest = f"; missed: {'; '.join(missing)}" if missing else ""
        sentences.append(f"{len(found.layers) - len(missing)} of {len(found.layers)} layers meet their targets{rest}.")
    for step in found.steps:
        missed = step.missed()
        sentences.append(
            f"{step.name}: the dense path takes {shown(step.speed_up)} times as long as auto, and auto "
            f"{shown(step.over_cnn)} times as long as the CNN; targets {'missed' if missed else 'met'}."
        )
    sentences += [
        f"{limit.layer.name}: at the best rate measured, our products would allow {limit.bound:.2g} times the speed of "
        f"conv2d; {shown(limit.fixed_share)} of our time does not grow with the out fields."
        for limit in found.limit
    ]
    return " ".join(sentences)


def protocol(found: ConvolutionBenchmark) -> dict[str, Any]:
    """What the times hold for."""
    lengths = [len(times.seconds[FORWARD][OWN]) for times in found.layers]
    lengths += [len(times.seconds[AUTO]) for times in found.steps]
    lengths += [len(times.seconds[OWN]) for times in found.limit]
    rounds = ", ".join(map(str, sorted(set(lengths))))
    return {
        "instructions": instructions(),
        "rounds": f"{rounds} in turns, after {WARM_UP} that don't count",
        "numbers": "random, float32",
        **{times.name: times.about for times in found.steps},
    }


def as_json(found: ConvolutionBenchmark) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "benchmark": "convolution",
        "protocol": protocol(found),
        "layers": layers_json(found.layers),
        "steps": steps_json(found.steps),
        "limit": limits_json(found.limit),
        **surroundings(torch.device("cpu")),
    }


def claim(found: ConvolutionBenchmark, name: str, command: str) -> Result:
    """What was measured as a record for the results page."""
    around = surroundings(torch.device("cpu"))
    parts = [part for part in PARTS if getattr(found, part)]
    return Result(
        id=name,
        title=f"Convolutions in the group's Fourier basis: {', '.join(parts)}",
        claim="Ours: the products that symmetry makes superfluous need not be done. Kernels in the group's Fourier "
        "basis are faster than conv2d with the expanded filter bank, in single layers and in whole training steps, to "
        "about the same rounding.",
        command=command,
        date=date.today().isoformat(),
        hardware=[{**around["hardware"], "versions": around["versions"]}],
        protocol=protocol(found),
        tables=tables(found),
        verdict=verdict(found),
    )
