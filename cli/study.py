"""The command `steergan study`."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from tqdm import tqdm

from .options import OutputFolder, chosen_device, command_line, device_option, output, record_option, save_record
from .progress import BAR, TerminalReporter, clock

if TYPE_CHECKING:
    from steergan.study import Outcome, SlurmSettings, Study

SECONDS_PER_LINE = 30.0
MOST_NAMES = 4
FILES = "table.md, table.csv, study.json and pictures"


def settings(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """`KEY=VALUE`, several times."""
    pairs = [text.partition("=") for text in value]
    for text, (key, _, setting) in zip(value, pairs, strict=True):
        if not (key and setting):
            raise click.BadParameter(f"{text!r} came; KEY=VALUE was wanted, such as account=me", ctx, param)
    return {key: setting for key, _, setting in pairs}


@click.command()
@click.argument("files", metavar="FILE", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=OutputFolder(),
    help="Folder of the runs and tables; a study begun there goes on. Default: studies/NAME.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Runs at a time.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads of each run.")
@device_option
@click.option("--data", "data_path", metavar="PATH", help="File or folder with the originals, in place of data.path.")
@record_option
@click.option("--dry-run", is_flag=True, help="List the runs, and what is done of each; write nothing.")
@click.option("--slurm", is_flag=True, help="Submit every run as a job to a Slurm cluster (extra steergan[slurm]).")
@click.option("--partition", metavar="NAME", default="", help="Slurm partition.")
@click.option(
    "--time", "minutes", metavar="MINUTES", type=click.IntRange(min=10), default=240, show_default=True,
    help="Time limit of a job; a run that needs longer is queued again and goes on.",
)  # fmt: skip
@click.option("--gpus", type=click.IntRange(min=0), default=0, show_default=True, help="GPUs of a job.")
@click.option("--memory", "memory_gb", metavar="GB", type=click.IntRange(min=0), default=0, help="Memory of a job.")
@click.option(
    "--slurm-set", "options", metavar="KEY=VALUE", multiple=True, callback=settings, help="Any other option of sbatch."
)
@click.option(
    "--combine", is_flag=True, help="FILEs are folders of studies with the same axes: make one table of them."
)
@click.pass_context
def study(
    ctx: click.Context,
    /,
    files: tuple[Path, ...],
    out: Path | None,
    jobs: int,
    threads: int,
    device: str,
    data_path: str | None,
    record: Path | None,
    dry_run: bool,
    combine: bool,
    slurm: bool,
    **job: Any,
) -> None:
    """Train a grid of runs, and tabulate what came out: FILE names recipes, axes of options, and seeds.

    Ends with tables (table.md, table.csv, study.json), curves.png, precision-recall.png and samples.png. Runs that are
    finished are not done again, so after Ctrl-C, or a failure, the same command goes on. With --slurm, Ctrl-C leaves
    the jobs running, and the same command comes back to them.

    \b
    Examples:
      steergan study recipes/studies/rotmnist-small.toml --jobs 2
      steergan study mine.toml --dry-run
      steergan study mine.toml --out studies/second --jobs 4 --device cuda --data ~/mnist
      steergan study recipes/paper/lysto/table3.toml --slurm --partition gpu --gpus 1 --threads 4 --jobs 8
      steergan study --combine studies/table3-anhir studies/table3-lysto --out studies/table3
    """
    from steergan import study as studies

    given = [option for option in job if ctx.get_parameter_source(option) is ParameterSource.COMMANDLINE]
    if given and not slurm:
        flag = next(param.opts[0] for param in ctx.command.params if param.name == given[0])
        raise click.UsageError(f"{flag} is for jobs of a cluster; add --slurm, or leave it out")
    if combine:
        show_combined(files, out)
        return
    if len(files) > 1:
        raise click.UsageError(f"{len(files)} studies came; one at a time, or folders of studies with --combine")
    grid = studies.read_study(files[0])
    root = output(out, Path("studies") / grid.name)
    if dry_run:
        list_runs(grid, root)
        return
    if slurm:
        outcome = run_as_jobs(grid, root, studies.SlurmSettings(**job), jobs, threads, device, data_path)
    else:
        report = TerminalStudyReporter()
        with report.watching():
            outcome = studies.run_study(
                grid, root, jobs=jobs, threads=threads, device=chosen_device(device), data_path=data_path,
                report=report,
            )  # fmt: skip
        if outcome.stopped:
            click.echo("steergan: stopped and saved; the same command goes on from here", err=True)
            raise click.exceptions.Exit(130)
    conclude(grid, root, outcome, record)


def run_as_jobs(
    grid: "Study", root: Path, asked: "SlurmSettings", jobs: int, threads: int, device: str, data_path: str | None
) -> "Outcome":
    """Every run a job; whether there is an accelerator is known where the job runs, not here."""
    from steergan import study as studies

    executor = studies.slurm_executor(root, asked, name=grid.name, jobs=jobs, threads=threads)
    where = device if device != "auto" else "cuda" if asked.gpus else "cpu"
    report = TerminalJobsReporter()
    with report.watching():
        outcome = studies.run_on_cluster(
            grid, root, executor, threads=threads, device=where, data_path=data_path, report=report
        )
    if outcome.stopped:
        if outcome.finished:
            studies.report(grid, root)
            click.echo(f"{FILES} of the {len(outcome.finished)} finished runs in {root}")
        click.echo(
            f"steergan: the jobs go on without this command (their numbers are in {root / 'jobs.json'}; scancel ends "
            "them); the same command comes back to them",
            err=True,
        )
        raise click.exceptions.Exit(130)
    return outcome


def conclude(grid: "Study", root: Path, outcome: "Outcome", record: Path | None) -> None:
    """Tables and pictures of what is finished, and a line for every run that failed."""
    from steergan import study as studies

    if outcome.finished:
        findings = studies.report(grid, root)
        click.echo("\n" + studies.page(findings))
        click.echo(f"{FILES} in {root}")
        if record is not None:
            save_record(studies.result(findings, record.stem, command_line()), record)
    for name, reason in outcome.failed.items():
        click.echo(f"steergan: {name} failed: {' '.join(reason.split())}", err=True)
    if outcome.failed:
        raise click.exceptions.Exit(1)


def show_combined(folders: Sequence[Path], out: Path | None) -> None:
    """Several studies in one table, on the terminal and in files."""
    from steergan.files import write_whole
    from steergan.study import combine
    from steergan.tables import comma_separated, markdown

    tables = combine(folders)
    text = "\n\n".join(map(markdown, tables)) + "\n"
    click.echo(text, nl=False)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(out / "table.md", text.encode())
        write_whole(out / "table.csv", comma_separated(tables[0]).encode())
        click.echo(f"\ntable.md, and table.csv of the first table, in {out}")


def list_runs(grid: "Study", root: Path) -> None:
    """Every run of a study, and how far it is."""
    from steergan.study import steps_done

    left = 0
    for run in grid.runs:
        done, steps = steps_done(run, root), run.recipe.training.steps
        left += steps - done
        state = "finished" if done == steps else f"{done:,} of {steps:,} steps"
        click.echo(f"{root / run.folder}  {state}")
    click.echo(f"{len(grid.runs)} runs: {len(grid.cells)} cells x {len(grid.file.seeds)} seeds, {left:,} steps to do")


class TerminalStudyReporter(TerminalReporter):
    """A `StudyReporter`, for people."""

    def overall(self, steps: int, total: int, runs: int, running: Sequence[str]) -> None:
        """Generator steps done of all, runs finished, and what is running."""
        more = len(running) - MOST_NAMES
        names = ", ".join(running[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
        if self.live:
            self._redraw_overall(steps, total, runs, names)
            return
        now = time.monotonic()
        if self._first is None:
            self._first, self._shown = (steps, now), now
        if now - self._shown < SECONDS_PER_LINE:
            return
        self._shown = now
        done, seconds = steps - self._first[0], now - self._first[1]
        speed = f"{done / seconds:.2f} step/s, {clock((total - steps) * seconds / done)} left" if done else "starting"
        click.echo(f"{runs} runs finished, step {steps:,} of {total:,}  {speed}  {names}")

    def _redraw_overall(self, steps: int, total: int, runs: int, names: str) -> None:
        if self._bar is None:
            # smoothing=0: the mean speed since the start, for runs pause to be evaluated
            self._bar = tqdm(
                total=total, initial=steps, bar_format=BAR, unit="step", dynamic_ncols=True, leave=False, smoothing=0
            )
        self._bar.total = total
        self._bar.set_postfix_str(f"{runs} runs done, now {names or 'none'}", refresh=False)
        self._bar.update(steps - self._bar.n)


class TerminalJobsReporter(TerminalStudyReporter):
    """A `StudyReporter` where runs are jobs, which Ctrl-C leaves alone."""

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self.stop_asked:
            raise KeyboardInterrupt
        self.stop_asked = True
        os.write(2, b"\n")  # not echo: a handler may interrupt a write to the same stream
