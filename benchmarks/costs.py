"""What the paper's image experiments cost with a G-CNN and with a CNN: parameters, products, time and memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from steergan import data
from steergan.benchmark.fresh import fresh
from steergan.benchmark.report import Report
from steergan.benchmark.rivals import Pair, own_pair
from steergan.benchmark.step import count
from steergan.benchmark.training import step_of
from steergan.networks.summary import layer_rows
from steergan.progress import Progress, unheard
from steergan.recipe import Recipe, read_recipe
from steergan.run.about import surroundings
from steergan.tables import Interval, Table, median_and_quartiles, shown
from steergan.timing import counted, in_turns, ratio

SETS = ("anhir", "lysto", "cifar10", "food101")
"""Data sets of the paper's section 3.2, by their folders of recipes."""
CELLS = {"CNN": "cnn-cnn", "G-CNN": "g-g"}
"""Settings of Table 3, by file name."""
BATCH = 2


@dataclass(frozen=True)
class Cost:
    """One pair of networks of one data set."""

    data: str
    setting: str
    parameters: tuple[int, int]
    """Of generator and discriminator."""
    multiply_adds: tuple[int, int]
    """Of one image, in the dense form."""
    seconds: list[float]
    """A generator step with all its discriminator updates, round by round."""
    peak_memory: int
    """Bytes by which a fresh process grew at most during its first two steps."""


def measure(
    folder: Path,
    names: Sequence[str] = SETS,
    rounds: int = 5,
    batch_size: int = BATCH,
    *,
    device: str = "cpu",
    progress: Progress = unheard,
) -> list[Cost]:
    """Both settings of each data set, in turns.

    Args:
        folder: recipes/paper.
        names: of `SETS`; their images need not be there.
        rounds: timed steps of each.
        batch_size: images.
        device: where to compute; memory is the accelerator's there.
        progress: called with (calls done, calls in all) for each data set anew.

    Raises:
        RecipeError: no such recipes.
        RunError: a process that measures memory ends without an answer.
    """  # fmt: skip
    found = []
    for name in names:
        recipes = {setting: read(folder / name / f"{cell}.toml", batch_size) for setting, cell in CELLS.items()}
        pairs = {setting: own_pair(recipe, *data.image_kind(recipe.data)) for setting, recipe in recipes.items()}
        sizes = {setting: (parameters(pair), products(pair)) for setting, pair in pairs.items()}
        steps = {setting: step_of(pair, recipes[setting], device) for setting, pair in pairs.items()}
        seconds = in_turns(steps, rounds, device=device, progress=progress)
        pairs.clear()
        steps.clear()
        for setting, recipe in recipes.items():
            memory = fresh(recipe, device).peak_memory
            found.append(Cost(name, setting, *sizes[setting], seconds[setting], memory))
    return found


def read(path: Path, batch_size: int) -> Recipe:
    """A cell of Table 3 with another batch size."""
    return read_recipe(path, [f"training.batch_size={batch_size}"])


def parameters(pair: Pair) -> tuple[int, int]:
    """Numbers of parameters, (generator, discriminator)."""
    return count(pair.generator), count(pair.discriminator)


def products(pair: Pair) -> tuple[int, int]:
    """Multiply-adds of both networks for one image."""
    z, y = torch.zeros(1, pair.generator.z_dim), torch.zeros(1, dtype=torch.int64)
    element = y
    image = torch.zeros(1, *pair.generator.image_shape)
    rows = (layer_rows(pair.generator, z, y, element), layer_rows(pair.discriminator, image, y))  # type: ignore[arg-type]
    generator, discriminator = (sum(row.multiply_adds for row in network) for network in rows)
    return generator, discriminator


def of(costs: Sequence[Cost], name: str, setting: str) -> Cost:
    """The costs of one setting on one data set."""
    return next(cost for cost in costs if (cost.data, cost.setting) == (name, setting))


def time_ratio(costs: Sequence[Cost], name: str) -> Interval:
    """A G-CNN's step as a multiple of the CNN's in the same round."""
    return ratio({s: of(costs, name, s).seconds for s in CELLS}, "G-CNN", "CNN")


def table(costs: Sequence[Cost]) -> Table:
    """Both settings of each data set, and the G-CNN over the CNN."""
    rows: list[list[Any]] = []
    for name in dict.fromkeys(cost.data for cost in costs):
        cnn, steered = (of(costs, name, setting) for setting in CELLS)
        for cost in (cnn, steered):
            products = (value / 1e9 for value in cost.multiply_adds)
            seconds, memory = median_and_quartiles(cost.seconds), cost.peak_memory / 1e6
            rows.append([name, cost.setting, *cost.parameters, *products, seconds, memory])
        pairs = zip((*steered.parameters, *steered.multiply_adds), (*cnn.parameters, *cnn.multiply_adds), strict=True)
        quotients = [a / b for a, b in pairs]
        rows.append([name, "ratio", *quotients, time_ratio(costs, name), steered.peak_memory / cnn.peak_memory])
    return Table(
        caption="Networks of Tables 7 to 14. Multiply-adds: 10^9 for one image, in the dense form. Seconds per "
        "generator step with all its discriminator updates: median (quartiles). Memory: MB by which a fresh process "
        "grew. Ratio: G-CNN over CNN, of the seconds in the same round.",
        columns=["data", "setting", "parameters G", "parameters D", "products G", "products D", "seconds", "memory"],
        rows=rows,
    )


def verdict(costs: Sequence[Cost]) -> str:
    """The ratios of the seconds, beside the paper's only word on cost."""
    names = dict.fromkeys(cost.data for cost in costs)
    ratios = ", ".join(f"{name} {shown(time_ratio(costs, name))}" for name in names)
    return (
        f"A step of the G-CNN pair as a multiple of the CNN pair's: {ratios}. The paper says of p4m on ANHIR "
        '"approximately four times the amount of computation time".'
    )


def report(costs: Sequence[Cost], device: str, batch_size: int) -> Report:
    """The costs, ready to be told."""
    return Report(
        benchmark="costs",
        title="What equivariance costs in the paper's image experiments",
        claim='Dey et al. 2021, C.2: "for a fixed number of training iterations on ANHIR, p4m-equivariant GANs '
        'currently require approximately four times the amount of computation time".',
        protocol={
            "recipes": "cnn-cnn and g-g of recipes/paper",
            "batch size": batch_size,
            "images": "random, of the sizes in Table 1",
            "convolutions": "auto: group convolutions in the Fourier basis where it pays, on the CPU",
            "threads": torch.get_num_threads(),
            "rounds": counted(len(costs[0].seconds)),
        },
        tables=[table(costs)],
        verdict=verdict(costs),
        figures={"costs": [vars(cost) for cost in costs]},
        surroundings=surroundings(torch.device(device)),
    )
