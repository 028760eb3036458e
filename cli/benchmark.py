"""steergan benchmark"""

import sys
import time
from pathlib import Path

import click
from tqdm import tqdm

from .options import chosen_device, command_line, device_option, record_option, save_record
from .progress import clock

DEFAULT_RECIPE = Path("recipes/rotmnist-small.toml")
PAPER_RECIPE = Path("recipes/rotmnist.toml")
GROUP_RECIPES = Path("recipes/groups")
DATA_SETS = ("anhir", "lysto", "cifar10", "food101")
"""The paper's; a test compares them with the benchmark's."""
SECONDS_PER_LINE = 15.0


@click.group(no_args_is_help=True)
def benchmark() -> None:
    """Time what steergan does against what could be used instead: in one process, in turns.

    \b
    Examples:
      steergan benchmark step
      steergan benchmark step --recipe recipes/rotmnist.toml --repeats 5
      steergan benchmark convolution --only limit
    """


@benchmark.command()
@click.option(
    "--recipe", type=click.Path(path_type=Path), default=DEFAULT_RECIPE, show_default=True, help="Whose pair is timed."
)
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a recipe key; repeatable.")
@click.option("--repeats", type=click.IntRange(min=1), default=20, show_default=True, help="Timed steps of each rival.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads. Default: as torch finds best.")
@device_option
@click.option("--json", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write every time as JSON.")
@record_option
def step(
    recipe: Path,
    overrides: tuple[str, ...],
    repeats: int,
    threads: int | None,
    device: str,
    file: Path | None,
    record: Path | None,
) -> None:
    """Time a whole training step of a recipe's pair against the same step with rival networks.

    Rivals: the trivial group with as many channels; the same networks from stock escnn modules.

    \b
    Examples:
      steergan benchmark step --device cpu --threads 2
      steergan benchmark step --recipe recipes/rotmnist.toml --repeats 5 --json step.json
    """
    import torch

    from steergan import benchmark as benchmarks
    from steergan.files import write_json
    from steergan.recipe import read_recipe
    from steergan.tables import markdown

    settings = read_recipe(recipe, overrides)
    where = chosen_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    with Countdown() as countdown:
        found = benchmarks.time_step(settings, repeats, device=where, progress=countdown)
    click.echo(markdown(benchmarks.table(found)))
    click.echo("\n" + benchmarks.verdict(found))
    if file is not None:
        write_json(file, benchmarks.as_json(found))
    if record is not None:
        save_record(benchmarks.claim(found, record.stem, command_line()), record)


@benchmark.command()
@click.option(
    "--only", type=click.Choice(["layers", "steps", "limit"]), multiple=True, help="Measure this part; repeatable."
)
@click.option(
    "--recipe", type=click.Path(path_type=Path), default=PAPER_RECIPE, show_default=True, help="Whose steps are timed."
)
@click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a recipe key; repeatable.")
@click.option("--repeats", type=click.IntRange(min=1), default=10, show_default=True, help="Timed calls of each rival.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads. Default: as torch finds best.")
@click.option("--device", default="cpu", show_default=True, help="The kernels are on the CPU only.")
@click.option("--json", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write every time as JSON.")
@record_option
def convolution(
    only: tuple[str, ...],
    recipe: Path,
    overrides: tuple[str, ...],
    repeats: int,
    threads: int | None,
    device: str,
    file: Path | None,
    record: Path | None,
) -> None:
    """Time convolutions in the group's Fourier basis against conv2d: layers, whole steps, and what limits them.

    On the CPU, where the kernels are. Steps are of the recipe with C4 and with D4, with batches of 16 unless --set says
    otherwise, and of the paper's residual networks for 64 pixels; rivals are the dense path and a CNN.

    \b
    Examples:
      steergan benchmark convolution --threads 2
      steergan benchmark convolution --only layers --only limit --record docs/results/convolution-layers.json
    """
    import torch

    from steergan.benchmark import convolution as measured
    from steergan.files import write_json
    from steergan.tables import markdown

    if device != "cpu":
        raise click.BadParameter(f"the kernels compute on the CPU, not on {device}", param_hint="'--device'")
    if threads is not None:
        torch.set_num_threads(threads)
    parts = [part for part in measured.PARTS if not only or part in only]
    cases = measured.cases_of(recipe, overrides) if "steps" in parts else []
    found = measured.ConvolutionBenchmark()
    for part in parts:
        with Countdown("step" if part == "steps" else "call") as countdown:
            found = measured.measure(found, part, repeats, cases, countdown)
        click.echo(markdown(measured.tables(found)[-1]) + "\n")
    click.echo(measured.verdict(found))
    if file is not None:
        write_json(file, measured.as_json(found))
    if record is not None:
        save_record(measured.claim(found, record.stem, command_line()), record)


@benchmark.command()
@click.option(
    "--recipes", type=click.Path(path_type=Path, file_okay=False), default=Path("recipes/paper"), show_default=True,
    help="The folder with the paper's recipes.",
)
@click.option("--data", "names", type=click.Choice(DATA_SETS), multiple=True, help="Only this one; repeatable.")
@click.option("--batch-size", type=click.IntRange(min=2), default=2, show_default=True, help="Images in a batch.")
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Timed steps of each pair.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads. Default: as torch finds best.")
@device_option
@record_option
def costs(
    recipes: Path,
    names: tuple[str, ...],
    batch_size: int,
    repeats: int,
    threads: int | None,
    device: str,
    record: Path | None,
) -> None:
    """Compare what the paper's image experiments cost with a G-CNN and with a CNN. No data set is needed.

    Parameters, multiply-adds, seconds of a training step, peak memory, for ANHIR, LYSTO, CIFAR-10 and Food-101.

    \b
    Examples:
      steergan benchmark costs --data cifar10
      steergan benchmark costs --threads 2 --record docs/results/costs.json
    """
    import torch

    from steergan.benchmark import costs as measured
    from steergan.tables import markdown

    where = chosen_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    found: list[measured.Cost] = []
    for name in names or DATA_SETS:
        with Countdown(f"{name} step") as countdown:
            found += measured.measure(recipes, [name], repeats, batch_size, device=where, progress=countdown)
    click.echo(markdown(measured.table(found)))
    click.echo("\n" + measured.verdict(found))
    if record is not None:
        save_record(measured.claim(found, record.stem, command_line(), where, batch_size), record)


@benchmark.command()
@click.argument("targets", nargs=-1, metavar="[RECIPE|RUN]...", type=click.Path(path_type=Path))
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Timed steps of each.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads. Default: as torch finds best.")
@device_option
@click.option("--picture", metavar="PNG", type=click.Path(path_type=Path), help="Draw errors against the angle.")
@record_option
def groups(
    targets: tuple[Path, ...],
    repeats: int,
    threads: int | None,
    device: str,
    picture: Path | None,
    record: Path | None,
) -> None:
    """Measure how well networks of different groups turn between the angles of the grid, and what a step costs.

    Recipes (untrained networks) and runs, one for each group and one of them of C4; without any, recipes/groups.

    \b
    Examples:
      steergan benchmark groups --picture groups.png
      steergan benchmark groups studies/rotmnist-groups/*-seed0 recipes/groups/rotmnist-{c16,d4,o2}.toml
    """
    import torch

    from steergan.benchmark import groups as measured
    from steergan.pictures import save_png
    from steergan.tables import markdown

    chosen = targets or tuple(sorted(GROUP_RECIPES.glob("*.toml")))
    if not chosen:
        raise click.UsageError(f"no RECIPE or RUN came, and {GROUP_RECIPES} holds none; name some")
    where = chosen_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    with Countdown() as countdown:
        found = measured.measure(chosen, repeats, device=where, progress=countdown)
    for table in measured.tables(found):
        click.echo(f"{markdown(table)}\n")
    click.echo(measured.verdict(found))
    if picture is not None:
        save_png(measured.figure(found), picture)
        click.echo(f"errors against the angle drawn in {picture}")
    if record is not None:
        save_record(measured.claim(found, record.stem, command_line(), where), record)


@benchmark.command()
@record_option
def metrics(record: Path | None) -> None:
    """Compare FID and KID of two fixed sets of images with clean-fid's, through the same extractor.

    \b
    Examples:
      steergan benchmark metrics
      steergan benchmark metrics --record docs/results/metric-parity.json
    """
    from steergan.benchmark import metric_parity as measured
    from steergan.tables import markdown

    found = measured.compare(measured.fixed_extractor(), *measured.fixed_images())
    click.echo(markdown(measured.table(found)))
    click.echo("\n" + measured.verdict(found))
    if record is not None:
        save_record(measured.claim(found, record.stem, command_line()), record)


class Countdown:
    """How many timed calls are done and how long the rest takes: a live line on a terminal, lines elsewhere.

    Args:
        noun: what a call is.
    """

    def __init__(self, noun: str = "step") -> None:
        live = sys.stderr.isatty()
        self.noun = noun
        self.bar = tqdm(desc=f"{noun}s", leave=False, dynamic_ncols=True, smoothing=0) if live else None
        self.began = self.shown = time.monotonic()

    def __enter__(self) -> "Countdown":
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def __call__(self, done: int, total: int) -> None:
        if self.bar is not None:
            self.bar.total = total
            self.bar.update(done - self.bar.n)
            return
        now = time.monotonic()
        if now - self.shown >= SECONDS_PER_LINE:
            self.shown = now
            left = clock((total - done) * (now - self.began) / done)
            click.echo(f"{self.noun} {done} of {total}, {left} left")
