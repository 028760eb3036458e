"""steergan study"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from tqdm import tqdm

from .options import chosen_device, device_option
from .progress import BAR, Progress, clock

if TYPE_CHECKING:
    from steergan.results import Claim
    from steergan.study import Study

SECONDS_PER_LINE = 30.0


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder of the runs and tables; a study begun there goes on. Default: studies/NAME.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Runs at a time.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads of each run.")
@device_option
@click.option("--data", "data_path", metavar="PATH", help="File or folder with the originals, in place of data.path.")
@click.option(
    "--record", metavar="JSON", type=click.Path(path_type=Path), help="Write the outcome for docs/results.md, too."
)
@click.option("--dry-run", is_flag=True, help="List the runs, and what is done of each; write nothing.")
def study(
    file: Path,
    out: Path | None,
    jobs: int,
    threads: int,
    device: str,
    data_path: str | None,
    record: Path | None,
    dry_run: bool,
) -> None:
    """Train a grid of runs, and tabulate what came out: FILE names a recipe, axes of options, and seeds.

    Ends with tables (table.md, table.csv, study.json), curves.png and samples.png. Runs that are finished are not done
    again, so after Ctrl-C, or a failure, the same command goes on.

    \b
    Examples:
      steergan study recipes/studies/rotmnist-small.toml --jobs 2
      steergan study mine.toml --dry-run
      steergan study mine.toml --out studies/second --jobs 4 --device cuda --data ~/mnist
    """
    from steergan import study as studies

    grid = studies.read_study(file)
    root = out if out is not None else Path("studies") / grid.name
    if dry_run:
        list_runs(grid, root)
        return
    progress = StudyProgress()
    with progress.watching():
        outcome = studies.run_study(
            grid, root, jobs=jobs, threads=threads, device=chosen_device(device), data_path=data_path, report=progress
        )
    if outcome.stopped:
        click.echo("steergan: stopped and saved; the same command goes on from here", err=True)
        raise click.exceptions.Exit(130)
    if outcome.finished:
        findings = studies.report(grid, root)
        click.echo("\n" + studies.page(findings))
        click.echo(f"table.md, table.csv, study.json, curves.png and samples.png in {root}")
        if record is not None:
            save_record(studies.claim(findings, record.stem, command_line()), record)
    for name, reason in outcome.failed.items():
        click.echo(f"steergan: {name} failed: {' '.join(reason.split())}", err=True)
    if outcome.failed:
        raise click.exceptions.Exit(1)


def list_runs(grid: "Study", root: Path) -> None:
    """Every run of a study, and how far it is."""
    from steergan.study import steps_done

    for run in grid.runs:
        done, steps = steps_done(run, root), run.recipe.training.steps
        state = "finished" if done == steps else f"{done:,} of {steps:,} steps"
        click.echo(f"{root / run.folder}  {state}")
    click.echo(f"{len(grid.runs)} runs: {len(grid.cells)} cells x {len(grid.file.seeds)} seeds")


def save_record(claim: "Claim", path: Path) -> None:
    """A record for the results page."""
    from steergan.results import write_claim

    write_claim(path, claim)
    click.echo(f"recorded in {path}; `steergan results` writes the page anew")


def command_line() -> str:
    """The command as the user gave it, with the program's short name."""
    return " ".join(["steergan", *sys.argv[1:]])


class StudyProgress(Progress):
    """Reports of a study, for people."""

    def overall(self, steps: int, total: int, runs: int, running: Sequence[str]) -> None:
        """Generator steps done of all, runs finished, and what is running."""
        if self.live:
            self._redraw_overall(steps, total, runs, running)
            return
        now = time.monotonic()
        if self._first is None:
            self._first, self._shown = (steps, now), now
        if now - self._shown < SECONDS_PER_LINE:
            return
        self._shown = now
        done, seconds = steps - self._first[0], now - self._first[1]
        speed = f"{done / seconds:.2f} step/s, {clock((total - steps) * seconds / done)} left" if done else "starting"
        click.echo(f"{runs} runs finished, step {steps:,} of {total:,}  {speed}  {', '.join(running)}")

    def _redraw_overall(self, steps: int, total: int, runs: int, running: Sequence[str]) -> None:
        if self._bar is None:
            # smoothing=0: the mean speed since the start, for runs pause to be evaluated
            self._bar = tqdm(
                total=total, initial=steps, bar_format=BAR, unit="step", dynamic_ncols=True, leave=False, smoothing=0
            )
        self._bar.total = total
        self._bar.set_postfix_str(f"{runs} runs done, now {', '.join(running) or 'none'}", refresh=False)
        self._bar.update(steps - self._bar.n)
