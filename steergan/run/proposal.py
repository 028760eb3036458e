"""A recipe for a folder of images: sizes and depths as they are, a group that was tested, networks that fit a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from steergan import data
from steergan.errors import DataError
from steergan.files import AnyPath
from steergan.invariance.data import data_symmetry
from steergan.progress import Progress, unheard
from steergan.recipe import Recipe, validate
from steergan.recipe.data import Folder
from steergan.run.build import build_discriminator, build_generator
from steergan.run.pace import Pace, in_words, pace_of

WANTED = 1000
"""Steps that a side must leave time for."""
LEAST = 16
"""Pixels per side below which larger images are not made, however slow they are."""
FEWEST, MOST = 300, 5000
"""Steps that are proposed, whatever the time."""
FIGURES = 8
"""Held-out images without which figures mean little."""
PERMUTATIONS, SAMPLES = 199, 400
"""Of the symmetry test: seconds, where `steergan data symmetry` takes its time."""


class Size(NamedTuple):
    """Networks that have made recognisable images of a size, as in the demonstrations."""

    side: int
    upsamplings: int
    generator: list[int]
    discriminator: list[int]


SIZES = (
    Size(64, 3, [96, 64, 32], [16, 48, 96, 128]),
    Size(32, 2, [48, 24, 16], [12, 32, 64]),
    Size(16, 1, [48, 24, 12], [12, 32, 64]),
    Size(8, 0, [48, 24, 12], [12, 32]),
)
"""Largest first; seed maps of 8 x 8, because on smaller ones lattices show."""


@dataclass(frozen=True)
class Wish:
    """What a user says beforehand.

    Args:
        group: of both networks; "auto": what a test of the images recommends.
        size: pixels per side; 0: the largest that the images have and the time allows.
        minutes: of training.
        skip_damaged: whether files that can't be read are left out.
        device: to compute on.
    """

    group: str = "auto"
    size: int = 0
    minutes: float = 15.0
    skip_damaged: bool = False
    device: str = "cpu"


class Reasons(NamedTuple):
    """Why a recipe is as it is."""

    group: str
    size: str
    notes: Sequence[str] = ()
    """What was understood of the files, beside classes."""


def propose(folder: AnyPath, name: str, wish: Wish, progress: Progress = unheard, target: AnyPath | None = None) -> str:
    """A commented recipe that trains on the images in a folder.

    Args:
        folder: with images, or class folders.
        name: of the recipe.
        wish: what is settled.
        progress: hears of files.
        target: the file that it will be; where the images lie below its folder they are named from there. None:
            somewhere else.

    Raises:
        SteerganError: files that can't be taken; images too small, or too few to test their symmetry; an odd group.
    """
    folder = Path(folder)
    where = str(folder.resolve())
    kinds = data.kinds_of(Folder(path=where, skip_damaged=wish.skip_damaged), progress)
    settled: dict[str, Any] = {"skip_damaged": True} if wish.skip_damaged else {}
    if kinds.depths != ("uint8",):
        settled["range"] = "minmax" if len(kinds.depths) == 1 else "dtype"
    if not kinds.alike or kinds.size[0] != kinds.size[1]:
        settled["fit"] = "crop"
    sizes = [one for one in SIZES if one.side <= (wish.size or min(kinds.size))]
    sizes = sizes[:1] if wish.size else [one for one in sizes if one.side >= LEAST] or sizes
    if not sizes or (wish.size and sizes[0].side != wish.size):
        came = f"data.size = {wish.size}" if wish.size else f"images of {kinds.size[1]} x {kinds.size[0]} pixels"
        raise DataError(f"{folder}: {came}; {', '.join(str(one.side) for one in SIZES[::-1])} pixels a side are wanted")
    table = {"name": "folder", "path": where, "size": sizes[-1].side, **settled}
    found = data.survey(validate({"name": name, "data": table}, where).data)
    share = min(0.5, FIGURES / max(1, found.train + found.held_out))
    if found.held_out < FIGURES and share > 0.2:
        settled["held_out"] = round(share, 2)
    group, why = (wish.group, "as asked") if wish.group != "auto" else tested(table | settled, where)
    channels, classes = found.image_shape[0], len(found.class_names)
    slow: list[str] = []
    for one in sizes:
        settled["size"] = one.side
        recipe = recipe_for(name, {"name": "folder", "path": where, **settled}, one, group, classes)
        pace = pace_on(recipe, (channels, one.side, one.side), classes, torch.device(wish.device))
        if pace.seconds * WANTED <= wish.minutes * 60:
            break
        slow.append(f"{one.side} takes {pace.seconds:.2g} s a step")
    steps = min(MOST, max(FEWEST, int(wish.minutes * 60 / pace.seconds) // 100 * 100))
    reasons = Reasons(why, why_size(one, kinds.size, slow, wish), found.account.notes[1:])
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"path": as_named(where, target)})})
    return commented(recipe, steps, pace, reasons, wish)


def as_named(where: str, target: AnyPath | None) -> str:
    """The images' path from the folder of the recipe's file, where they lie in it; else the whole path."""
    base = None if target is None else Path(target).resolve().parent
    return Path(where).relative_to(base).as_posix() if base and Path(where).is_relative_to(base) else where


def why_size(chosen: Size, images: tuple[int, int], slow: list[str], wish: Wish) -> str:
    """Why images become of a side."""
    if wish.size:
        return "as asked"
    of_images = f"most images have {images[1]} x {images[0]}"
    time = f"{WANTED:,} steps in {wish.minutes:g} minutes"
    if not slow:
        return f"the largest of {', '.join(str(one.side) for one in SIZES)} that leaves time for {time}; {of_images}"
    if slow[-1].startswith(f"{chosen.side} "):
        return f"the smallest that is proposed; none leaves time for {time} ({'; '.join(slow)}); {of_images}"
    return f"larger ones leave no time for {time} ({'; '.join(slow)}); {of_images}"


def tested(table: dict[str, Any], where: str) -> tuple[str, str]:
    """The group that a test recommends, and how.

    Raises:
        DataError: too few images.
    """
    settings = validate({"name": "data", "data": table}, where).data
    prepared = data.prepare(settings)
    try:
        found = data_symmetry(prepared.splits["train"], samples=SAMPLES, permutations=PERMUTATIONS)
    except DataError as error:
        raise DataError(f"{where}: the symmetry can't be tested ({error}); say it with --group, such as C4") from None
    return found.group, f"what a test of the images recommends ({found.tests} tests; steergan data symmetry says more)"


def recipe_for(name: str, table: dict[str, Any], size: Size, group: str, classes: int) -> Recipe:
    """The recipe, with its steps still open."""
    features = {"features": "classifier"} if classes > 1 else {}
    networks: dict[str, Any] = {
        "generator": {
            "group": group, "z_dim": 64, "embedding_dim": 8, "seed_width": 32,
            "widths": size.generator, "upsamplings": size.upsamplings,
        },
        "discriminator": {"group": group, "widths": size.discriminator, "spectral_norm": "off"},
    }  # fmt: skip
    training = {
        "steps": WANTED, "batch_size": 16, "discriminator_updates": 1, "generator_rate": 1e-3,
        "discriminator_rate": 1e-3,
    }  # fmt: skip
    loss = {"name": "non-saturating", "r1_weight": 1.0}
    evaluation = {"samples": 256, **features}
    whole = {"name": name, "data": table, **networks, "loss": loss, "training": training, "evaluation": evaluation}
    return validate(whole, name)


def pace_on(recipe: Recipe, image_shape: tuple[int, int, int], classes: int, device: torch.device) -> Pace:
    """What a step costs."""
    networks = build_generator(recipe, image_shape, classes), build_discriminator(recipe, image_shape, classes)
    return pace_of(recipe, *networks, device)


def commented(recipe: Recipe, steps: int, pace: Pace, reasons: Reasons, wish: Wish) -> str:
    """The recipe's text."""
    import tomli_w

    def values(table: dict[str, Any]) -> str:
        return tomli_w.dumps(table).replace("[\n    ", "[").replace(",\n    ", ", ").replace(",\n]", "]").rstrip()

    total, paper = pace.seconds * steps, pace.seconds * 20_000
    memory = f"; {pace.memory / 1e9:.1f} GB of memory" if pace.memory else ""
    side = recipe.model_dump()["data"]["size"]
    told = [
        f"# {recipe.name}: proposed by steergan recipe new for the images in its folder; change what you like.",
        f"# {side} x {side} pixels: {reasons.size}.",
        f"# A step took {pace.seconds:.3g} s on {wish.device} here: {in_words(total)} for {steps:,} steps{memory}.",
        f"# Evaluations come on top. More steps make better images; the paper takes 20,000: {in_words(paper)}.",
    ]
    told += [f"# {note}." for note in reasons.notes]
    if total > wish.minutes * 60 * 1.5:
        told.append(f"# More than the {wish.minutes:g} minutes asked for: fewer than {FEWEST} steps show nothing.")
    sections = recipe.model_dump(mode="json", exclude_unset=True)
    quarter = max(1, steps // 4)
    sections["training"] |= {"steps": steps, "checkpoint_every": quarter}
    sections["evaluation"] |= {"every": quarter}
    notes = {
        "data": "fit, range: how sizes and depths become one; steergan recipe keys data tells all keys",
        "generator": f"group: {reasons.group}",
        "discriminator": "with spectral norm it is too weak for so small a network on photographs",
        "training": "the more steps, the better, up to many times as many",
    }
    for section, table in sections.items():
        if section == "name":
            told.append(values({"name": table}))
            continue
        note = f" # {notes[section]}" if section in notes else ""
        told.append(f"\n[{section}]{note}\n{values(table)}")
    return "\n".join(told) + "\n"
