"""The command `steergan evaluate`."""

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import click

from .options import at_option, chosen_device, device_option, fitting_options, moved_data_option
from .progress import TerminalReporter

SIGNIFICANT = 0.01
"""A p-value below which samples count as closer to the training images than held-out ones are."""
FITTING = ("fit", "range", "background", "skip_damaged")
SAID_ELSEWHERE = ("label_agreement_real", "left_out")
"""Of a record, what is no line of the protocol."""


@click.command()
@click.argument("run", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--folders",
    nargs=2,
    metavar="A B",
    type=click.Path(path_type=Path),
    help="Measure the images of folder A against those of folder B, in place of a run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the whole protocol.")
@click.option(
    "--features",
    metavar="NAME",
    help="auto, rotmnist, inception, scattering, classifier, or a file. Default: the run's; auto with --folders.",
)
@click.option(
    "--neighbours",
    metavar="OUT.png",
    type=click.Path(path_type=Path),
    help="Look for memorised images: a picture of samples beside the nearest training images, and figures.",
)
@click.option(
    "--group",
    type=click.Choice(["trivial", "C2", "C4", "D1", "D2", "D4"]),
    help="Over which --neighbours compares. Default: the larger one of the networks.",
)
@at_option
@device_option
@moved_data_option
@click.option("--samples", type=click.IntRange(min=16), help="--folders: images of each, at most. Default: 10,000.")
@click.option(
    "--resize",
    type=click.Choice(["clean", "tf", "pytorch"]),
    help="--folders: how images get to Inception's size. Default: clean.",
)
@click.option("--size", type=click.IntRange(min=2), help="--folders: pixels per side that all images become of.")
@fitting_options
def evaluate(
    run: Path | None,
    folders: tuple[Path, Path] | None,
    as_json: bool,
    features: str | None,
    neighbours: Path | None,
    group: str | None,
    at: str,
    device: str,
    data_path: str | None,
    **options: Any,
) -> None:
    """Measure the generator of RUN against held-out images: Frechet distances, KID, precision, recall, label agreement.

    Beside each figure stands what real training images get in the generator's place, and held-out images whose pixels
    are scrambled. What would mean nothing is left out, with the reason. Figures can be compared only where their
    protocols agree: the extractor and its hash, and the numbers of images.

    With --folders, any two folders of images are measured in the same way, whatever sub-folders they lie in.

    \b
    Examples:
      steergan evaluate runs/00000-quickstart
      steergan evaluate runs/00000-quickstart --at best:recall
      steergan evaluate runs/00000-quickstart --json > quickstart.json
      steergan evaluate runs/00000-quickstart --neighbours neighbours.png
      steergan evaluate --folders generated/ real/ --size 64 --fit crop
    """
    refuse_combinations(run, folders)
    if neighbours is not None and neighbours.suffix != ".png":
        raise click.BadParameter(f"{neighbours.name!r} came; NAME.png was wanted", param_hint="'--neighbours'")
    report = TerminalReporter()
    aside = redirect_stdout(sys.stderr) if as_json else nullcontext()  # what is said on the way is no JSON
    with report.watching(), aside:
        if folders is not None:
            found = of_folders(folders, features, options, chosen_device(device), report)
        else:
            assert run is not None
            from steergan import run as runs

            found = runs.evaluate(
                run,
                device=chosen_device(device),
                data_path=data_path,
                report=report,
                neighbours=None if neighbours is None else runs.Neighbours(neighbours, group),
                at=at,
                features=features,
            )
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    copied = found.pop("memorisation", None)
    click.echo(as_text(found, ("generated", "real") if folders is None else ("A against B", "B against itself")))
    if copied is not None:
        click.echo("\n" + memorised(copied))
        click.echo(f"{neighbours}: samples beside their nearest training images")


def refuse_combinations(run: Path | None, folders: tuple[Path, Path] | None) -> None:
    """Options that contradict each other, or would do nothing."""
    ctx = click.get_current_context()
    if (run is None) == (folders is None):
        raise click.UsageError("RUN or --folders A B is wanted, one of them")
    of_runs, of_folders = ("neighbours", "group", "at", "data_path"), ("samples", "resize", "size", *FITTING)
    for name in of_runs if folders is not None else of_folders:
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = f"--{name.removesuffix('_path').replace('_', '-')}"
            where = "is for a RUN, not for --folders" if folders is not None else "stands in the recipe of a RUN"
            raise click.UsageError(f"{option} {where}")


def of_folders(
    paths: tuple[Path, Path],
    features: str | None,
    options: Mapping[str, Any],
    device: str,
    report: TerminalReporter,
) -> dict[str, Any]:
    """Two folders against each other."""
    from steergan.recipe import validate
    from steergan.recipe.data import Folder
    from steergan.run import compare_folders

    given = {key: value for key, value in options.items() if value is not None}
    evaluation: dict[str, Any] = {} if features is None else {"features": features}
    evaluation |= {key: given.pop(key) for key in ("samples", "resize") if key in given}
    table = {"name": "folders", "data": {"name": "folder", "path": str(paths[0]), **given}, "evaluation": evaluation}
    recipe = validate(table, "steergan evaluate")
    first = Folder.model_validate(recipe.data.model_dump())
    second = first.model_copy(update={"path": str(paths[1])})
    return compare_folders(first, second, recipe.evaluation, device=device, report=report)


def as_text(found: Mapping[str, Any], heads: tuple[str, str] = ("generated", "real")) -> str:
    """Figures beside what real and scrambled images get in their place, then the protocol under which they hold.

    Args:
        found: a record.
        heads: of the columns of figures.
    """
    from steergan.metrics import words_for
    from steergan.metrics.meaning import in_words

    sides = [
        {key.removeprefix(side): value for key, value in found.items() if key.startswith(side)}
        for side in ("floor_", "scrambled_")
    ]
    real, scrambled = sides
    real["label_agreement"] = found.get("label_agreement_real")
    without = found.get("left_out", {})
    figures = [key for key in found if key in real and key != "count" and key not in without]
    rows = [(words_for(found["extractor"]), *heads, "scrambled" * bool(scrambled))]
    rows += [(key, shown(found[key]), shown(real[key]), shown(scrambled.get(key))) for key in figures]
    beside = {f"{side}_{key}" for side in ("floor", "scrambled") for key in (*real, "count")}
    protocol = [key for key in found if key not in {*real, *beside} or key == "rank_deficient"]
    rows += [("", "", "", ""), *((key, shown(found[key]), "", "") for key in protocol if key not in SAID_ELSEWHERE)]
    head = len(figures) + 1
    widths = [max(len(row[0]) for row in rows), *(max(12, *(len(row[k]) for row in rows[:head])) for k in (1, 2))]
    lines = [
        "  ".join([row[0].replace("_", " ").ljust(widths[0]), *(row[k].ljust(widths[k]) for k in (1, 2)), row[3]])
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in [*lines[:head], *in_words(without), *lines[head:]])


def memorised(found: Mapping[str, Any]) -> str:
    """What the nearest training images say, in two lines."""
    return (
        f"nearest training images, over {found['group']}: {found['closer_share']:.1%} of {found['sample_count']} "
        f"samples lie closer than the closest {found['quantile']:.0%} of {found['held_out_count']} "
        f"{found['held_out']}\n"
        f"a sample lies closer than one of these with probability {found['probability_closer']:.3f} "
        f"(p = {found['p_value']:.2g} that 0.5 or less gives so much): {verdict(found)}"
    )


def verdict(found: Mapping[str, Any]) -> str:
    """Whether samples look copied, in plain words."""
    copied = found["p_value"] < SIGNIFICANT and found["closer_share"] > found["quantile"]
    return "samples lie closer to the training images than fresh ones do: copies?" if copied else "no sign of copying"


def shown(value: Any) -> str:
    """A value for people: four digits are enough."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
