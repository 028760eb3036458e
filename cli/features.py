"""steergan features"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import chosen_device, device_option

if TYPE_CHECKING:
    from steergan.data import ImageSet
    from steergan.metrics import ClassifierTraining
    from steergan.networks.classifier import Classifier

NAMES = ("rotmnist", "digits", "folder", "npz", "patches", "anhir", "lysto", "cifar10", "food101")


def place(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    """Refuse before the training what could not be written after it."""
    if value.suffix != ".safetensors":
        raise click.BadParameter(f"{value.name!r} came; NAME.safetensors was wanted", ctx, param)
    if not value.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {value.absolute().parent}; make it first", ctx, param)
    return value


@click.group(no_args_is_help=True)
def features() -> None:
    """Train and check the feature extractors behind the metrics.

    \b
    Examples:
      steergan features show
      steergan features train --data rotmnist --out p4cnn.safetensors
    """


@features.command()
@click.option("--data", "name", type=click.Choice(NAMES), required=True, help="As data.name in a recipe.")
@click.option("--path", default="", help="Originals: a folder, or an .npz file. Default: found in STEERGAN_DATA.")
@click.option("--out", type=click.Path(path_type=Path), callback=place, required=True, help="The .safetensors file.")
@click.option("--epochs", type=click.IntRange(min=1), default=30, show_default=True, help="Passes over the images.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights, order and angles.")
@click.option("--rotate/--no-rotate", default=True, help="Whether to train on images turned at random. Default: yes.")
@device_option
def train(name: str, path: str, out: Path, epochs: int, seed: int, rotate: bool, device: str) -> None:
    """Train the p4-CNN on the training images, test it on the held-out ones, and save it with its provenance.

    Recipes name the file as evaluation.features. A command that is said again gives the same weights on the same
    machine with the same number of threads.

    \b
    Examples:
      steergan features train --data rotmnist --out p4cnn.safetensors
      steergan features train --data folder --path my-images/ --epochs 10 --out mine.safetensors
    """
    where = chosen_device(device)
    from steergan.data import load
    from steergan.files import write_whole
    from steergan.metrics import ClassifierTraining, classifier_bytes, label_agreement
    from steergan.recipe import DataSettings

    settings = DataSettings(name=name, path=path)  # type: ignore[arg-type]  # click has checked the name
    train_set, held_out = load(settings, "train"), load(settings, "held_out")
    training = ClassifierTraining(epochs=epochs, updates=(1, 10**9), rotate=rotate)
    classifier = watched_training(train_set, training, seed, where)
    error = 1 - label_agreement(classifier, held_out.images, held_out.labels)
    said = [f"--data {name}", *(["--path ..."] if path else []), f"--epochs {epochs}", f"--seed {seed}"]
    command = f"steergan features train {' '.join(said)}{'' if rotate else ' --no-rotate'} --out {out.name}"
    made = {"command": command, "seed": str(seed), "device": where}
    write_whole(out, classifier_bytes(classifier, {**made, **provenance(train_set, held_out, error)}))
    click.echo(f"{out}: errs on {error:.2%} of {len(held_out):,} held-out images")


def watched_training(train_set: "ImageSet", training: "ClassifierTraining", seed: int, device: str) -> "Classifier":
    """Train with a progress line: live on a terminal, every ten seconds in a file."""
    from tqdm import tqdm

    from steergan.metrics import train_classifier

    pace = 0.1 if sys.stderr.isatty() else 10
    with tqdm(total=training.updates_for(len(train_set)), desc="train", unit="update", mininterval=pace) as bar:

        def progress(done: int, total: int, loss: float) -> None:
            bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
            bar.update()

        return train_classifier(
            train_set.images,
            train_set.labels,
            classes=train_set.classes,
            settings=training,
            seed=seed,
            device=device,
            progress=progress,
        )


@features.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def show(file: Path | None) -> None:
    """Check FILE, a trained extractor, and say where it comes from; without FILE, the one that steergan brings along.

    \b
    Examples:
      steergan features show
      steergan features show p4cnn.safetensors
    """
    from steergan.metrics import read_classifier, read_provenance, shipped_weights

    path = file or shipped_weights()
    read_classifier(path)  # raises when it is damaged
    table = read_provenance(path)
    width = max(map(len, table))
    for key in sorted(table):
        click.echo(f"{key.replace('_', ' '):{width}}  {table[key]}")


def provenance(train_set: "ImageSet", held_out: "ImageSet", error: float) -> dict[str, str]:
    """What the weights came from, and how good they are; no place of this machine is named."""
    import torch

    from steergan import __version__

    return {
        "steergan": __version__,
        "torch": torch.__version__,
        "train_count": str(len(train_set)),
        "train_sha256": train_set.checksum,
        "held_out_count": str(len(held_out)),
        "held_out_sha256": held_out.checksum,
        "held_out_error": f"{error:.5f}",
        "class_names": json.dumps(train_set.class_names),
    }
