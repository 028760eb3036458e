"""The command `steergan features`."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .backbone_options import backbone_options, chosen_data, chosen_tuning, data_options
from .options import OutputFile, chosen_device, device_option

if TYPE_CHECKING:
    from steergan.data import ImageSet
    from steergan.metrics import ClassifierTraining, FineTuned, FineTuning
    from steergan.metrics.images import Rows
    from steergan.networks.classifier import Classifier
    from steergan.recipe import DataSettings


def place(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    """Refuse before the training a name under which nobody would look for it."""
    if value.suffix != ".safetensors":
        raise click.BadParameter(f"{value.name!r} came; NAME.safetensors was wanted", ctx, param)
    return value


@click.group(no_args_is_help=True)
def features() -> None:
    """Train and check the feature extractors behind the metrics.

    \b
    Examples:
      steergan features show
      steergan features train --data rotmnist --out p4cnn.safetensors
      steergan features download
    """


@features.command()
def download() -> None:
    """Download the 2015 Inception network (92 MB) from where clean-fid takes it, checked by its hash.

    \b
    Example:
      steergan features download
    """
    from steergan.metrics import download_inception

    click.echo(f'{download_inception()}: found by evaluation.features = "inception"')


@features.command()
@data_options
@click.option("--backbone", help="Fine-tune this torchvision classifier, such as inception_v3. Default: the p4-CNN.")
@backbone_options
@click.option("--out", type=OutputFile(), callback=place, required=True, help="The .safetensors file.")
@click.option("--epochs", type=click.IntRange(min=1), default=30, show_default=True, help="Passes over the images.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights, order and angles.")
@click.option("--rotate/--no-rotate", default=True, help="Whether to train on images turned at random. Default: yes.")
@device_option
def train(
    name: str | None,
    path: str,
    recipe: Path | None,
    backbone: str | None,
    weights: str | None,
    side: int | None,
    rate: float | None,
    out: Path,
    epochs: int,
    seed: int,
    rotate: bool,
    device: str,
) -> None:
    """Train a network on the training images, test it on the held-out ones, and save it with its provenance.

    The p4-CNN turns images by any angle, a backbone by quarter turns and reflections; of the training images a fifth
    chooses the backbone's best epoch.

    Recipes name the file as evaluation.features. A command that is said again gives the same weights on the same
    machine with the same number of threads.

    \b
    Examples:
      steergan features train --data rotmnist --out p4cnn.safetensors
      steergan features train --data folder --path my-images/ --epochs 10 --out mine.safetensors
      steergan features train --recipe recipes/lysto.toml --backbone inception_v3 \\
        --weights inception_v3_google-0cc3c7bd.pth --epochs 10 --out lysto.safetensors
    """
    where = chosen_device(device)
    settings = chosen_data(name, path, recipe)
    said = [f"--recipe {recipe.name}"] if recipe is not None else [f"--data {name}"]
    said += ["--path ..."] if path else []
    ending = f"--epochs {epochs} --seed {seed}{'' if rotate else ' --no-rotate'} --out {out.name}"
    if backbone is not None:
        tuning = chosen_tuning(backbone, weights, side, rate, epochs, seed, rotate)
        said += [f"--backbone {backbone}", f"--weights {'none' if tuning.weights is None else tuning.weights.name}"]
        said += [f"--side {side}"] if side else []
        said += [f"--rate {rate:g}"] if rate else []
        save_backbone(settings, tuning, out, f"steergan features train {' '.join(said)} {ending}", where)
        return
    if (weights, side, rate) != (None, None, None):
        raise click.UsageError("--weights, --side and --rate are a backbone's; add --backbone NAME")
    from steergan.data import load
    from steergan.files import write_whole
    from steergan.metrics import ClassifierTraining, classifier_bytes, label_agreement

    train_set, held_out = load(settings, "train"), load(settings, "held_out")
    training = ClassifierTraining(epochs=epochs, updates=(1, 10**9), rotate=rotate)
    classifier = watched_training(train_set, training, seed, where)
    error = 1 - label_agreement(classifier, held_out.images, held_out.labels)
    command = f"steergan features train {' '.join(said)} {ending}"
    made = {"command": command, "seed": str(seed), "device": where}
    write_whole(out, classifier_bytes(classifier, {**made, **provenance(train_set, held_out, error)}))
    click.echo(f"{out}: errs on {error:.2%} of {len(held_out):,} held-out images")


def save_backbone(settings: "DataSettings", tuning: "FineTuning", out: Path, command: str, device: str) -> None:
    """Fine-tune a backbone on the training images, a fifth of them for validation, test it and save it."""
    from numpy import arange

    from steergan.data import load
    from steergan.data.subsets import hold_out
    from steergan.files import write_whole
    from steergan.metrics import classifier_bytes
    from steergan.metrics.fine_tuning import VALIDATION

    train_set, held_out = load(settings, "train"), load(settings, "held_out")
    rows = hold_out(train_set.labels, VALIDATION, tuning.training.seed, train_set.class_names)
    found = watched_tuning(tuning, train_set, rows, (held_out, arange(len(held_out))), device)
    made = {
        "command": command,
        "seed": str(tuning.training.seed),
        "device": device,
        "started_from": found.started_from,
        "validation_error": f"{1 - found.validation_accuracy:.5f}",
    }
    made |= provenance(train_set, held_out, 1 - found.test_accuracy)
    write_whole(out, classifier_bytes(found.backbone, made))
    click.echo(as_text(found))
    click.echo(f"{out}: {found.backbone.length:,} features; name it as evaluation.features")


def as_text(found: "FineTuned") -> str:
    """Accuracy in all and by class."""
    train, validation, test = found.counts
    lines = [
        f"{found.test_accuracy:.2%} of {test:,} test images right ({train:,} trained on, {validation:,} to validate)"
    ]
    width = max(map(len, found.by_class))
    known = {name: "no test images" if right is None else f"{right:.2%}" for name, right in found.by_class.items()}
    return "\n".join([*lines, *(f"  {name:<{width}}  {right}" for name, right in known.items())])


@features.command()
@data_options
@click.option("--backbone", default="vgg16", show_default=True, help="A torchvision classifier.")
@backbone_options
@click.option("--epochs", type=click.IntRange(min=1), default=10, show_default=True, help="Passes over the images.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of splits, head and order.")
@click.option("--rotate/--no-rotate", default=True, help="Whether to train on moved images. Default: yes.")
@device_option
def check(
    name: str | None,
    path: str,
    recipe: Path | None,
    backbone: str,
    weights: str | None,
    side: int | None,
    rate: float | None,
    epochs: int,
    seed: int,
    rotate: bool,
    device: str,
) -> None:
    """Find out whether the classes can be told apart at all, so that conditioning on them makes sense.

    A backbone is fine-tuned on 60 % of the images (a fifth of them chooses the best epoch) and tested on the others.

    \b
    Examples:
      steergan features check --data lysto --weights vgg16-397923af.pth
      steergan features check --data folder --path my-images/ --backbone resnet18 --side 64
    """
    where, settings = chosen_device(device), chosen_data(name, path, recipe)
    from steergan.data import load
    from steergan.data.subsets import hold_out
    from steergan.metrics.fine_tuning import TEST, VALIDATION

    whole = load(undivided(settings), "train")
    rest, test = hold_out(whole.labels, TEST, seed, whole.class_names)
    train, validation = hold_out(whole.labels[rest], VALIDATION, seed, whole.class_names)
    tuning = chosen_tuning(backbone, weights, side, rate, epochs, seed, rotate)
    click.echo(as_text(watched_tuning(tuning, whole, (rest[train], rest[validation]), (whole, test), where)))


def undivided(settings: "DataSettings") -> "DataSettings":
    """All images where the source can give them undivided, else the training images."""
    if settings.split == "auto" and "none" in settings.divisions:
        return settings.model_copy(update={"split": "none"})
    return settings


def watched_tuning(
    tuning: "FineTuning",
    images: "ImageSet",
    rows: "tuple[Rows, Rows]",
    test: "tuple[ImageSet, Rows]",
    device: str,
) -> "FineTuned":
    """Fine-tune a backbone with a progress line, and say what its epochs come to."""
    from steergan.metrics import fine_tune

    from .progress import TerminalReporter

    report = TerminalReporter()
    if tuning.weights is None:
        report.message(f"{tuning.backbone}: random weights; --weights FILE starts from torchvision's ImageNet ones")
    with report.watching():
        return fine_tune(
            tuning,
            images,
            rows,
            test,
            device=device,
            progress=partial(report.stage, "fine-tuning"),
            on_epoch=lambda epoch, found: report.message(f"epoch {epoch}: {found:.2%} of validation images right"),
        )


def watched_training(train_set: "ImageSet", training: "ClassifierTraining", seed: int, device: str) -> "Classifier":
    """Train with a progress line: live on a terminal, every ten seconds in a file."""
    from tqdm import tqdm

    from steergan.metrics import train_classifier

    pace = 0.1 if sys.stderr.isatty() else 10
    with tqdm(total=training.updates_for(len(train_set)), desc="train", unit="update", mininterval=pace) as bar:

        def progress(done: int, total: int) -> None:
            bar.update(done - bar.n)

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
    """Check FILE, a trained extractor, and say where it comes from; `rotmnist` (without FILE) and `digits` come along.

    \b
    Examples:
      steergan features show
      steergan features show digits
      steergan features show p4cnn.safetensors
    """
    from steergan.metrics import SHIPPED, read_network, read_provenance, shipped_weights

    name = str(file or "rotmnist")
    path = shipped_weights(name) if name in SHIPPED and not Path(name).exists() else Path(name)
    read_network(path)  # raises when it is damaged
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
