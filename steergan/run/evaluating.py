"""A run's generator, measured again."""

from typing import Any

import torch

from steergan.errors import RunError
from steergan.files import AnyPath
from steergan.run.convolution_record import check_convolution
from steergan.run.load import LoadedRun, LoadedTranslation, load_any_run
from steergan.run.nearest_images import Neighbours
from steergan.run.reporting import Reporter, Silence
from steergan.run.tasks import data_of, task_of


def evaluate(
    path: AnyPath | LoadedRun | LoadedTranslation,
    *,
    device: str = "cpu",
    data_path: str | None = None,
    report: Reporter | None = None,
    neighbours: Neighbours | None = None,
    at: str | int = "last",
    features: str | None = None,
) -> dict[str, Any]:
    """Measure a run's generator again, by the run's own protocol and on the images that it was started with.

    Args:
        path: of the run folder, or what `load_run` or `load_translation` gave; its generator is moved to the device.
        device: where images are drawn and features computed.
        data_path: where the originals are now; None: where they were.
        report: is told what takes a while; None: nobody is.
        neighbours: look for memorised images, too; the figures then have a table `memorisation`.
        at: which of the run's networks, see `load_run`.
        features: in place of the recipe's `evaluation.features`.

    Raises:
        SteerganError: no run, nothing trained in it, its data can't be found or is other data, or the recipe wants no
            features and none were named; memorised images of a translation.
    """
    run, report = load_any_run(path, at), report or Silence()
    settings = run.recipe.evaluation
    if features is not None:
        settings = settings.model_copy(update={"features": features})
    check_convolution(run.recipe.performance.convolution, device)
    images, torch_device = data_of(run, data_path, report), torch.device(device)
    task = task_of(run.recipe.model_copy(update={"evaluation": settings}))
    evaluation = task.evaluation(images, run.folder, torch_device, report)
    if not evaluation.measures:
        folder = run.folder.path
        raise RunError(f'{folder}: evaluation.features = "none", nothing to measure with; name some, --features auto')
    evaluation.prepare()  # refused before anything is drawn
    drawn = evaluation.draw(run.generator.to(torch_device))
    found = {"step": run.step, **evaluation.figures(drawn)}
    if neighbours is not None:
        found["memorisation"] = evaluation.memorisation(drawn, neighbours)
    return found
