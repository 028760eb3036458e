"""Options of `steergan features`: which images, and how a backbone is fine-tuned on them."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from steergan.metrics import FineTuning
    from steergan.recipe import DataSettings


def data_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which images: as in a recipe, or a recipe's own."""
    for option in (
        click.option("--recipe", type=click.Path(path_type=Path), help="Take the data that this recipe names."),
        click.option("--path", default="", help="Originals: folder or .npz file. Default: found in STEERGAN_DATA."),
        click.option("--data", "name", metavar="NAME", help="As data.name in a recipe."),
    ):
        command = option(command)
    return command


def backbone_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How a backbone is fine-tuned."""
    for option in (
        click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Peak learning rate. Default: 1e-4."),
        click.option("--side", type=click.IntRange(min=32), help="Pixels per side. Default: its own, 299 or 224."),
        click.option("--weights", metavar="FILE", help="Torchvision's ImageNet weights (.pth), or none: random ones."),
    ):
        command = option(command)
    return command


def chosen_data(name: str | None, path: str, recipe: Path | None) -> "DataSettings":
    """The data that the options name."""
    from steergan.recipe import read_any_recipe, validate_any

    if (name is None) == (recipe is None):
        raise click.UsageError("give --data NAME or --recipe FILE, and not both")
    if recipe is not None:
        found = read_any_recipe(recipe).data
        return found if not path else found.model_copy(update={"path": path})
    return validate_any({"name": "features", "data": {"name": name, "path": path}}, "--data").data


def chosen_tuning(
    backbone: str, weights: str | None, side: int | None, rate: float | None, epochs: int, seed: int, rotate: bool
) -> "FineTuning":
    """How the options say that a backbone is trained."""
    from steergan.metrics import BackboneTraining, FineTuning

    group = "D4" if rotate else "trivial"
    training = BackboneTraining(epochs=epochs, peak_rate=rate or 1e-4, group=group, seed=seed)
    file = None if weights in (None, "none") else Path(str(weights))
    return FineTuning(backbone, file, side or 0, training)
