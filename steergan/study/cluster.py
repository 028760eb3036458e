"""The runs of a study as jobs of a Slurm cluster, through submitit; a job that reaches its time limit goes on later."""

import signal
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

import torch

from steergan.errors import RunError, reason
from steergan.extras import needed_by
from steergan.files import AnyPath, write_json
from steergan.run.folder import RunFolder
from steergan.seals import read_table, sealed
from steergan.study.plan import Run, Study
from steergan.study.runs import Outcome, StudyReporter, prepare_data, refuse_other_recipes, steps_done
from steergan.study.worker import Event, Task, train_run

if TYPE_CHECKING:
    import submitit

JOBS = "jobs.json"
"""The file below a study's folder that keeps the number of every run's job."""
LOGS = "jobs"
"""The folder below it with what jobs were given, what they wrote, and what they returned."""
WARNING = 180
"""Seconds before its time limit at which a job is told."""
GRACE = 120
"""Seconds that it then has for its step and its checkpoint; later it goes back to its last checkpoint."""
MOST_REQUEUES = 1000
SECONDS_PER_LOOK = 5.0


@dataclass(frozen=True)
class SlurmSettings:
    """What every job asks the cluster for.

    Args:
        partition: the cluster's name of a group of machines; empty: its default.
        minutes: time limit; a run that needs longer is queued again and goes on.
        gpus: accelerators.
        memory_gb: memory; 0: the cluster's default.
        options: any other option of sbatch, such as {"account": "me"}.
    """

    partition: str = ""
    minutes: int = 240
    gpus: int = 0
    memory_gb: int = 0
    options: Mapping[str, str] = field(default_factory=dict)


def slurm_executor(
    root: AnyPath, settings: SlurmSettings, *, name: str, jobs: int, threads: int
) -> "submitit.Executor":
    """What submits jobs to Slurm, `jobs` of them at a time, each with `threads` CPUs.

    Raises:
        RunError: submitit is not installed, or there is no Slurm here.
    """
    root = Path(root)
    submitit = imported()
    try:
        executor = submitit.SlurmExecutor(root / LOGS, max_num_timeout=MOST_REQUEUES)
    except RuntimeError:
        raise RunError(
            "--slurm: no Slurm here (srun is not found); call this on the cluster's login node, or without --slurm"
        ) from None
    asked = {
        "partition": settings.partition or None,
        "gpus_per_node": settings.gpus or None,
        "mem": f"{settings.memory_gb}G" if settings.memory_gb else None,
    }
    executor.update_parameters(
        job_name=f"steergan-{name}",
        time=settings.minutes,
        cpus_per_task=threads,
        srun_args=[f"--cpus-per-task={threads}"],  # which srun does not take over from sbatch since Slurm 22.05
        array_parallelism=jobs,
        signal_delay_s=WARNING,
        additional_parameters=dict(settings.options),
        **{key: value for key, value in asked.items() if value is not None},
    )
    return executor


def imported() -> ModuleType:
    """submitit, which is an extra.

    Raises:
        MissingPackageError: it is not installed.
    """
    with needed_by("--slurm"):
        import submitit
    return submitit


def run_on_cluster(
    study: Study,
    root: AnyPath,
    executor: "submitit.Executor",
    *,
    threads: int = 1,
    device: str = "cpu",
    data_path: str | None = None,
    report: StudyReporter,
) -> Outcome:
    """Submit a job for every run that is neither finished nor in the cluster, and wait for all.

    Args:
        study: what to run.
        root: every run has its folder below it; the cluster's machines must see it under the same path.
        executor: submits and knows jobs; see `slurm_executor`.
        threads: CPU threads of each run.
        device: where they compute.
        data_path: where the originals are, in place of `data.path`.
        report: who is told, and who may ask to stop waiting: then jobs go on, and the same call comes back to them.

    Raises:
        RunError: a run folder below `root` holds a run of another recipe; or jobs can't be submitted or are not known.
    """
    root = Path(root)
    refuse_other_recipes(study, root)
    root = root.absolute()
    waiting = [run for run in study.runs if not RunFolder(root / run.folder).finished]
    outcome = Outcome(finished=[run.folder for run in study.runs if run not in waiting])
    jobs = jobs_of_before(executor, root, waiting)
    new = [run for run in waiting if run.folder not in jobs]
    tell(report, study, outcome, jobs, new)
    if new:
        prepare_data(study, data_path)
        tasks = [Task(run.recipe, root / run.folder, device, data_path, threads) for run in new]
        jobs |= dict(zip((run.folder for run in new), submit(executor, tasks), strict=True))
        write_json(root / JOBS, sealed({name: job.job_id for name, job in jobs.items()}))
    await_jobs(study, root, jobs, outcome, report)
    return outcome


def tell(
    report: StudyReporter, study: Study, outcome: Outcome, jobs: Mapping[str, "submitit.Job[Event]"], new: Sequence[Run]
) -> None:
    """What is there already, and what begins."""
    if outcome.finished:
        report.message(f"{len(outcome.finished)} of {len(study.runs)} runs are finished already")
    if jobs:
        lost = f"if the cluster does not know them any more, delete {JOBS} and repeat"
        report.message(f"{len(jobs)} jobs of an earlier call have not ended; {lost}")
    if new:
        report.message(f"submitting {len(new)} jobs")


def jobs_of_before(
    executor: "submitit.Executor", root: Path, waiting: Sequence[Run]
) -> dict[str, "submitit.Job[Event]"]:
    """Jobs of an earlier call that have not ended, of runs that are not finished."""
    path = root / JOBS
    if not path.exists():
        return {}
    try:
        numbers = read_table(path)
    except (OSError, ValueError) as error:
        hint = "cancel the study's jobs, delete it and repeat"
        raise RunError(f"{path}: cannot be read ({reason(error)}); {hint}") from None
    found = {
        run.folder: executor.job_class(folder=executor.folder, job_id=str(numbers[run.folder]))
        for run in waiting
        if run.folder in numbers
    }
    return {name: job for name, job in found.items() if not job.done()}


def submit(executor: "submitit.Executor", tasks: Sequence[Task]) -> list["submitit.Job[Event]"]:
    """A job for each task; on Slurm one array.

    Raises:
        RunError: the cluster refuses them.
    """
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    tasks[0].folder.parent.mkdir(parents=True, exist_ok=True)
    job = TrainJob()
    try:
        with executor.batch():
            return [executor.submit(job, task) for task in tasks]
    except (FailedJobError, FailedSubmissionError) as error:
        reason = " ".join(str(error).split())
        raise RunError(f"the cluster refused the jobs: {reason}; see --slurm-set and its like") from None


def await_jobs(
    study: Study, root: Path, jobs: dict[str, "submitit.Job[Event]"], outcome: Outcome, report: StudyReporter
) -> None:
    """Take in how jobs end, until all have or the user wants to leave."""
    runs = {run.folder: run for run in study.runs}
    while jobs and not report.stop_requested():
        for name in [name for name, job in jobs.items() if job.done()]:
            end = how_it_ended(jobs.pop(name))
            if end.kind == "finished":
                outcome.finished.append(name)
                report.message(f"{name}: finished")
            else:
                outcome.failed[name] = end.text
                report.message(f"{name}: failed: {end.text}")
        counted = [run for name, run in runs.items() if name not in outcome.failed]
        steps, total = sum(steps_done(run, root) for run in counted), sum(r.recipe.training.steps for r in counted)
        report.overall(steps, total, len(outcome.finished), list(jobs))
        next_look = time.monotonic() + SECONDS_PER_LOOK
        while jobs and time.monotonic() < next_look and not report.stop_requested():
            time.sleep(min(0.2, SECONDS_PER_LOOK))
    outcome.stopped = bool(jobs)


def how_it_ended(job: "submitit.Job[Event]") -> Event:
    """What a job returned; one that returned nothing was killed."""
    from submitit.core.utils import UncompletedJobError

    try:
        end = job.result()
    except UncompletedJobError:
        state = "" if job.state in ("UNKNOWN", "FINISHED") else f" ({job.state})"
        return Event("failed", text=f"job {job.job_id} ended without a result{state}; see {job.paths.stderr}")
    if end.kind == "stopped":
        return Event("failed", text=f"job {job.job_id} stopped before its last step; the same command goes on")
    return end


class TrainJob:
    """What a job does: it trains a run, and queues itself again when its time is up."""

    def __call__(self, task: Task) -> Event:
        """Train until the end, or until shortly before the time limit."""
        number = getattr(signal, f"SIG{imported().JobEnvironment.USR_SIG}")
        requeue: Any = signal.getsignal(number)  # submitit's: `checkpoint`, back into the queue, exit
        channel = JobChannel()

        def time_is_up(_: int, frame: FrameType | None) -> None:
            channel.asked = True
            signal.alarm(GRACE)

        signal.signal(number, time_is_up)
        signal.signal(signal.SIGALRM, lambda _, frame: requeue(number, frame))
        warnings.simplefilter("ignore")  # of libraries; they are for developers
        torch.set_num_threads(task.threads)
        try:
            train_run(task, channel)
        finally:
            signal.alarm(0)
            signal.signal(number, requeue)
        if channel.asked and channel.said.kind == "stopped":
            requeue(number, None)
        return channel.said

    def checkpoint(self, task: Task) -> "submitit.helpers.DelayedSubmission":
        """What is queued again: the task as it was, for a run goes on where it was saved."""
        return imported().helpers.DelayedSubmission(self, task)


class JobChannel:
    """A `Channel` of a run that is a job: what it says is kept for the job's end."""

    def __init__(self) -> None:
        self.asked = False
        """Whether to stop after the step."""
        self.said = Event("failed", text="it said nothing")
        """The last word of the run."""

    def poll(self) -> bool:
        """Whether the job was told that its time is up."""
        return self.asked

    def send(self, event: Event, /) -> None:
        """Keep the run's last word."""
        self.said = event

    def close(self) -> None:
        """Nothing: there is no connection."""
