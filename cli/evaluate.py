"""The command `steergan evaluate`."""

import json
import sys
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import OutputFile, at_option, chosen_device, device_option, fitting_options, moved_data_option
from .progress import TerminalReporter

if TYPE_CHECKING:
    from steergan.run import Deformed

SIGNIFICANT = 0.01
"""A p-value below which samples count as closer to the training images than held-out ones are."""
FITTING = ("fit", "range", "background", "skip_damaged")
SAID_ELSEWHERE = ("label_agreement_real", "left_out")
"""Of a record, what is no line of the protocol."""


@click.command()
@click.argument("paths", metavar="[RUN]...", nargs=-1, type=click.Path(path_type=Path))
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
    type=OutputFile(),
    help="Look for memorised images: a picture of samples beside the nearest training images, and figures.",
)
@click.option(
    "--group",
    type=click.Choice(["trivial", "C2", "C4", "D1", "D2", "D4"]),
    help="Over which --neighbours compares. Default: the larger one of the networks.",
)
@click.option(
    "--deformations",
    metavar="OUT.png",
    type=click.Path(path_type=Path),
    help="Measure the discriminator in place of the generator: its blocks' answers to small deformations over those to "
    "noise, for one RUN or several, as curves and figures, kept in metric-deformations.jsonl.",
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
    paths: tuple[Path, ...],
    folders: tuple[Path, Path] | None,
    as_json: bool,
    features: str | None,
    neighbours: Path | None,
    group: str | None,
    deformations: Path | None,
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
      steergan evaluate runs/cnn runs/c4 runs/d4 --deformations stability.png
      steergan evaluate --folders generated/ real/ --size 64 --fit crop
    """
    refuse_combinations(paths, folders, deformations)
    for name, picture in (("neighbours", neighbours), ("deformations", deformations)):
        if picture is not None and picture.suffix != ".png":
            raise click.BadParameter(f"{picture.name!r} came; NAME.png was wanted", param_hint=f"'--{name}'")
    report = TerminalReporter()
    aside = redirect_stdout(sys.stderr) if as_json else nullcontext()  # what is said on the way is no JSON
    with report.watching(), aside:
        if deformations is not None:
            measured = of_discriminators(paths, deformations, chosen_device(device), data_path, at, report)
        elif folders is not None:
            found = of_folders(folders, features, options, chosen_device(device), report)
        else:
            from steergan import run as runs

            found = runs.evaluate(
                paths[0],
                device=chosen_device(device),
                data_path=data_path,
                report=report,
                neighbours=None if neighbours is None else runs.Neighbours(neighbours, group),
                at=at,
                features=features,
            )
    if deformations is not None:
        show_deformations(measured, as_json)
        click.echo(f"{deformations}: curves over blocks", err=as_json)
        return
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    copied = found.pop("memorisation", None)
    if "l1" in found:
        click.echo(paired_text(found))
        if "extractor" not in found:
            return
        click.echo()
    click.echo(as_text(found, ("generated", "real") if folders is None else ("A against B", "B against itself")))
    if copied is not None:
        click.echo("\n" + memorised(copied))
        click.echo(f"{neighbours}: samples beside their nearest training images")


def refuse_combinations(
    paths: tuple[Path, ...], folders: tuple[Path, Path] | None, deformations: Path | None
) -> None:
    """Options that contradict each other, or would do nothing."""
    ctx = click.get_current_context()
    if (not paths) == (folders is None):
        raise click.UsageError("RUN or --folders A B is wanted, one of them")
    if len(paths) > 1 and deformations is None:
        raise click.UsageError(f"{len(paths)} runs came; one RUN is measured at a time, several with --deformations")
    of_runs = ("neighbours", "group", "deformations", "at", "data_path")
    of_folders = ("samples", "resize", "size", *FITTING)
    if folders is not None:
        refused = dict.fromkeys(of_runs, "is for a RUN, not for --folders")
    else:
        refused = dict.fromkeys(of_folders, "stands in the recipe of a RUN")
    if deformations is not None:
        why = "is about the generator, and --deformations about the discriminator"
        refused |= dict.fromkeys(("neighbours", "group", "features"), why)
    for name, why in refused.items():
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.removesuffix('_path').replace('_', '-')} {why}")


def of_discriminators(
    paths: tuple[Path, ...], picture: Path, device: str, data_path: str | None, at: str, report: TerminalReporter
) -> "list[Deformed]":
    """Measure how stable runs' discriminators are, and draw it."""
    from steergan import run as runs

    measured = [
        runs.measure_deformations(path, device=device, data_path=data_path, at=at, report=report) for path in paths
    ]
    runs.same_protocol(measured)
    runs.save_deformations(measured, picture)
    return measured


def show_deformations(measured: "list[Deformed]", as_json: bool) -> None:
    """Print runs' figures, and the law that they hold under."""
    from steergan.run import deformation_table
    from steergan.tables import markdown

    rows = [{"run": str(one.run.folder.path), "group": one.group, **one.row()} for one in measured]
    click.echo(json.dumps(rows, indent=2) if as_json else markdown(deformation_table(measured)) + "\n")


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

    What is left out, and why, was said before anything was drawn.

    Args:
        found: a record.
        heads: of the columns of figures.
    """
    from steergan.metrics import words_for

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
    return "\n".join(line.rstrip() for line in lines)


UPRIGHT = ("l1", "psnr", "ssim", "kid")
"""Figures of translations that the moved pairs have, too."""
PAIRED = ("equivariance_error", "kid_blocks", "floor_kid_blocks", "turned_group", "ssim_protocol")


def paired_text(found: dict[str, Any]) -> str:
    """What a translator's figures are, pair by pair, upright and moved; they are taken out of the record, but for KID.

    Args:
        found: a record.
    """
    group = found["turned_group"]
    known = [name for name in UPRIGHT if name in found]
    rows = [("held-out pairs", "as they are", f"under {group}")]
    rows += [(name.upper(), shown(found[name]), shown(found.pop(f"turned_{name}"))) for name in known]
    if "kid_blocks" in found:
        rows.append(("KID in blocks of the paper's implementation", shown(found["kid_blocks"]), ""))
        rows.append(("the same of real training outputs", shown(found["floor_kid_blocks"]), ""))
    rows.append(("error of equivariance", shown(found["equivariance_error"]), ""))
    rows.append(("SSIM", found["ssim_protocol"], ""))
    for name in (*UPRIGHT[:3], *PAIRED):
        found.pop(name, None)
    widths = [max(len(row[k]) for row in rows[:-1]) for k in (0, 1)]
    return "\n".join("  ".join([row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2]]).rstrip() for row in rows)


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
