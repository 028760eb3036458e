"""Training a recipe in a run folder, from its first step or from its last checkpoint."""

import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from steergan import data
from steergan.errors import RunError, SteerganError, escaped
from steergan.files import AnyPath
from steergan.kernels import library
from steergan.recipe import AnyRecipe, Recipe, TranslationRecipe, merge, validate_any
from steergan.run.about import About, MachineRecord, ProcessesRecord, sources_of, surroundings
from steergan.run.attention_notice import attention_notice
from steergan.run.build import check_computable
from steergan.run.convolution_record import ConvolutionRecord, continued, convolution_record
from steergan.run.folder import RunFolder, check_same_data, claim_folder, finished, settle_recipe
from steergan.run.load import RunImages, describe_data
from steergan.run.loggers import Loggers, open_loggers
from steergan.run.reporting import Reporter, Stopped, Unheard
from steergan.run.session import Session
from steergan.run.snapshots import Snapshots
from steergan.run.tasks import Task, task_of
from steergan.run.transfer import start_from
from steergan.training import (
    ALONE,
    DivergenceError,
    Engine,
    Hooks,
    LatestState,
    Processes,
    RunState,
    compilation_notice,
    latest_state,
    same_rates,
    save_checkpoint,
)
from steergan.training import train as train_networks


@dataclass(frozen=True)
class Place:
    """Where a run is computed, with whom, and from what; none of it is part of the recipe.

    Args:
        device: `cpu`, `cuda` or `mps`; a number may follow.
        data_path: where the originals are, in place of `data.path`; remembered by the run. None: where the recipe, or
            the run, says.
        processes: which do the run together; each calls `train` alike, and the first one writes and tells.
    """

    device: str = "cpu"
    data_path: str | None = None
    processes: Processes = ALONE


HERE = Place()
"""On the CPU of this machine, in this process."""


def train(
    recipe: Recipe | TranslationRecipe,
    out: AnyPath | None,
    *,
    report: Reporter,
    place: Place = HERE,
    init_from: AnyPath | None = None,
    switch_convolution: bool = False,
    more_steps: bool = False,
) -> Path:
    """Train in a new run folder, or go on in one that holds an unfinished run of the same recipe.

    Args:
        recipe: the whole experiment.
        out: run folder; None: the next free `runs/00007-NAME`.
        report: who is told.
        place: where it is computed.
        init_from: a run whose last weights a new run starts from, layer by layer where they are the same.
        switch_convolution: go on although another convolution path computes the run from here on.
        more_steps: go on although the run was started with fewer steps than the recipe has now.

    Returns:
        The run folder. It holds generator.safetensors if the run is finished.

    Raises:
        SteerganError: data, sizes, folder or numbers that training can't go on with; see the subclasses.
    """
    out = None if out is None else Path(out)
    init_from = None if init_from is None else Path(init_from)
    device, processes = torch.device(place.device), place.processes
    if not processes.first:
        report = Unheard(report)
    check_computable(recipe, device, processes)  # before data are prepared for nothing
    task = task_of(recipe)
    images = processes.after_first(lambda: task.load(place.data_path, report))
    generator, discriminator = task.networks(images)  # refused before there is a folder
    new = processes.first and (out is None or not out.exists())
    folder = claim_folder(recipe, out) if processes.first else None
    folder = RunFolder(processes.told(None if folder is None else folder.path))
    with folder.locked() if processes.first else nullcontext():
        if processes.first:
            settle_recipe(folder, recipe, more_steps)
        if processes.told(folder.finished) and not more_steps:
            report.message(finished(folder))
            return folder.path
        convolution = convolution_record(recipe.performance.convolution, device, generator, discriminator)
        about = describe(recipe, images, place, convolution)
        found = latest_state(folder.path)
        if more_steps:
            check_can_go_on(folder, recipe, found)
        scaled = found is not None
        started = None
        if found is None and init_from is not None:
            started = start_from(init_from, recipe, generator, discriminator)
            scaled |= started.had_gain
        state = RunState.start(generator.to(device), discriminator.to(device), recipe.training, recipe.augmentation)
        scale = (
            "" if scaled else task.set_gain(discriminator, images, processes)
        )
        if found is None:
            if init_from is not None and started is not None:
                origin = {"init_from": escaped(str(init_from.resolve())), "transfer": started.transfer}
                about = about.model_copy(update=origin)
        else:
            about = take_up(folder, found, state, about, switch_convolution, report)
        processes.wait()  # all have read what the first one is about to write
        if processes.first:
            write_start(folder, recipe, about, state if found is None and init_from is not None else None)
        report.message(f"{folder.path}: " + (f"goes on after step {state.step}" if state.step else "starts"))
        if found is None:
            report.message(images.account.text(data.MOST_LINES))
            report.message(convolution.line)
            for line in task.before_first_step():
                report.message(line)
        for line in started.lines if started is not None else ():
            report.message(line)
        attention, compilation = attention_notice(generator, discriminator), compilation_notice(recipe.performance)
        for notice in filter(None, [scale, task.without_effect(), attention, compilation]):
            report.message(notice)
        library.say_once(told=processes.first)
        try:
            run_steps(folder, task, state, images, report, processes)
        except DivergenceError as error:
            raise RunError(f"{error}; {Snapshots(folder).left()}") from None
        except SteerganError:
            if new and not folder.trained and not state.step:
                shutil.rmtree(folder.path)  # nothing was trained in it, and the same command makes it again
            raise
        except Stopped:
            report.message(f"{folder.path}: stopped before {'its first' if found is None else 'another'} step")
    return folder.path


def write_start(folder: RunFolder, recipe: AnyRecipe, about: About, initial: RunState | None) -> None:
    """The files of a run that begins or goes on; weights taken from another run are its first checkpoint."""
    if folder.finished:  # with fewer steps
        Snapshots(folder).keep_last()
        folder.generator.unlink()
    folder.write_recipe(recipe)  # `performance` may have changed, and `training.steps`
    folder.write_about(about)
    if initial is not None:
        save_checkpoint(folder.path, 0, initial.state_dict())  # so that a resumed run starts from these weights too


def run_steps(
    folder: RunFolder, task: Task, state: RunState, images: RunImages[Any], report: Reporter, processes: Processes
) -> None:
    """Train to the recipe's last step, or until the user asks to stop; then the weights are saved if finished."""
    recipe = task.recipe
    settings, count = recipe.training, recipe.training.discriminator_updates + 1
    rows = processes.rows(settings.batch_size, settings.accumulate)
    batch = task.batches(images, rows)

    with open_loggers(folder, recipe, state.step, report) if processes.first else Loggers({}, report) as loggers:
        session = Session(folder, recipe, task, state, images, report, loggers) if processes.first else None
        hooks = Hooks(evaluate_every=recipe.evaluation.every) if session is None else session.start()
        with data.Prefetch(batch, count, recipe.performance.prefetch, state.device.type == "cuda") as batches:
            ended = train_networks(
                state,
                batches,
                settings,
                recipe.loss,
                latent_law=task.latent_law,
                engine=Engine(recipe.performance, processes),
                hooks=replace(hooks, should_stop=report.stop_requested),
            )
        if session is not None:
            session.finish() if ended == "finished" else session.stop()
    processes.wait()  # the run is finished for all when its files are there


def take_up(
    folder: RunFolder, found: LatestState, state: RunState, about: About, switch: bool, report: Reporter
) -> About:
    """Load a checkpoint, if the run may go on from it; run.json with what it keeps from before.

    Raises:
        RunError: other data, or another convolution path and no leave to switch.
    """
    before = folder.read_about()
    check_same_data(folder, before.data, about.data)
    state.load_state_dict(found.state)
    (convolution,) = about.convolutions
    convolutions, change = continued(folder.path, before.convolutions, convolution, state.step, switch)
    for path in found.damaged:
        report.message(f"{path.name} is damaged; going back to {found.path.name}")
    report.message(change or convolution.line)
    about, changes = before.continued(about, state.step)
    if changes:
        report.message(f"from step {state.step} on: {changes}; the same to rounding, perhaps not to the bit")
    return about.model_copy(update={"convolutions": convolutions})


def check_can_go_on(folder: RunFolder, recipe: AnyRecipe, found: LatestState | None) -> None:
    """Refuse to give a run more steps that has taken as many, or others than a run of so many steps would have taken.

    Raises:
        RunError: so it is; or it is finished, and has no checkpoint to go on from.
    """
    if found is None and not folder.finished:
        return
    if found is None:
        raise RunError(f"{folder.path}: has no checkpoint (state-*.pt) to go on from; train again, with another --out")
    step, steps = found.state["step"], recipe.training.steps
    if step >= steps:
        raise RunError(f"{folder.path}: has taken {step} steps and was asked for {steps}; ask for more than {step}")
    before = folder.read_recipe().training
    if not same_rates(before, recipe.training, step):
        raise RunError(
            f"{folder.path}: its rates have begun to fall towards step {before.steps} (training.rate_decay = "
            f'"{before.rate_decay}"), so its step {step} is not that of a run of {steps}; `steergan train` one with '
            f"--set training.steps={steps}, or start another from its weights, --init-from {folder.path}"
        )


def resume(
    path: AnyPath,
    *,
    report: Reporter,
    place: Place = HERE,
    switch_convolution: bool = False,
    steps: int | None = None,
    loggers: Sequence[str] | None = None,
) -> Path:
    """Go on with the run in a folder, where its data was found before unless `place` says otherwise.

    Args:
        path: the folder.
        report: who is told.
        place: where it is computed.
        switch_convolution: go on although another convolution path computes the run from here on.
        steps: at which the run ends now, in place of its recipe's; a finished run takes more to the bits of one that
            was asked for so many at once.
        loggers: who is told from here on, in place of the recipe's `logging.to`.

    Raises:
        SteerganError: no run folder; no more steps than were taken, or no checkpoint to take them from; and as `train`.
    """
    path = Path(path)
    folder = RunFolder(path)
    recipe = folder.read_recipe()
    if loggers is not None:
        recipe = validate_any(merge(recipe.model_dump(mode="json"), {"logging": {"to": list(loggers)}}), str(path))
    if steps is not None:
        training = recipe.training.model_copy(update={"steps": steps})
        recipe = recipe.model_copy(update={"training": training})
    elif place.processes.told(folder.finished):
        (report if place.processes.first else Unheard(report)).message(finished(folder))
        return path
    if place.data_path is None and folder.about.exists():
        place = replace(place, data_path=folder.read_about().data.path)
    return train(
        recipe,
        path,
        report=report,
        place=place,
        switch_convolution=switch_convolution,
        more_steps=steps is not None,
    )


def describe(recipe: AnyRecipe, images: RunImages[Any], place: Place, convolution: ConvolutionRecord) -> About:
    """What run.json says of a run that begins here and now."""
    return About(
        name=recipe.name,
        sources=sources_of(recipe),
        started=datetime.now().astimezone().isoformat(timespec="seconds"),
        seeds={"training": recipe.training.seed, "data": recipe.data.seed},
        data=describe_data(images, recipe.data.path if place.data_path is None else place.data_path),
        processes=(ProcessesRecord(count=place.processes.count),),
        convolutions=(convolution,),
        machines=(MachineRecord(**surroundings(torch.device(place.device))),),
    )
