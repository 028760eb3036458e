"""The command `python -m benchmarks scaling`."""

from pathlib import Path

import click

from steergan_cli.benchmark.countdown import Countdown
from steergan_cli.benchmark.present import present
from steergan_cli.benchmark.step import DEFAULT_RECIPE
from steergan_cli.options import record_option, set_option

POSITIVE = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option(
    "--recipe", type=click.Path(path_type=Path), default=DEFAULT_RECIPE, show_default=True, help="Whose pair is timed."
)
@set_option
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Timed steps of each.")
@click.option("--fixed-ms", type=POSITIVE, help="Elsewhere: a step's milliseconds without any image.")
@click.option("--image-ms", type=POSITIVE, help="Elsewhere: milliseconds an image.")
@click.option("--latency-us", type=POSITIVE, help="Elsewhere: microseconds that a message takes to start.")
@click.option("--bandwidth", type=POSITIVE, help="Elsewhere: GB/s that a process sends.")
@click.option("--wait-us", type=click.FloatRange(min=0), help="Elsewhere: microseconds that messages wait for others.")
@record_option
def scaling(
    recipe: Path,
    overrides: tuple[str, ...],
    repeats: int,
    fixed_ms: float | None,
    image_ms: float | None,
    latency_us: float | None,
    bandwidth: float | None,
    wait_us: float | None,
    record: Path | None,
) -> None:
    """Model the time of a training step on 1 to 64 processes, from terms that are measured here or given.

    One CPU thread a process. docs/scaling.md says how to find the terms of a cluster.

    \b
    Examples:
      python -m benchmarks scaling
      python -m benchmarks scaling --fixed-ms 8 --image-ms 0.5 --latency-us 15 --bandwidth 20 --wait-us 0
    """
    from benchmarks import scaling as measured
    from benchmarks import scaling_report as report
    from steergan.recipe import read_recipe

    settings = read_recipe(recipe, overrides)
    with Countdown("call") as countdown:
        found = measured.measure(settings, repeats, countdown)
    given = {
        "fixed": (fixed_ms, 1e-3), "per_image": (image_ms, 1e-3), "latency": (latency_us, 1e-6),
        "bandwidth": (bandwidth, 1e9), "wait": (wait_us, 1e-6),
    }  # fmt: skip
    terms = {name: value * unit for name, (value, unit) in given.items() if value is not None}
    elsewhere = measured.assumed(found, **terms) if terms else None
    present(report.report(found, elsewhere), record=record)
