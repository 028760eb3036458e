"""The command `steergan data symmetry`."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import OutputFile, fitting_options
from .progress import progress_lines

if TYPE_CHECKING:
    from steergan.invariance.data import DataSymmetry
    from steergan.recipe.data import DataSettings
    from steergan.run.folder import RunFolder


@click.command()
@click.argument("source", metavar="NAME-OR-PATH", required=False)
@click.option("--recipe", type=click.Path(path_type=Path), help="Test what this recipe trains on.")
@click.option("--size", type=click.IntRange(min=2), help="Cut patches of so many pixels a side; a folder of slides.")
@fitting_options
@click.option("--samples", type=click.IntRange(min=20), default=1000, show_default=True, help="At most, of a class.")
@click.option("--permutations", type=click.IntRange(min=199), default=999, show_default=True, help="Of each test.")
@click.option(
    "--features",
    default="filters",
    show_default=True,
    help="filters (untrained, plain), rotmnist, inception, or a .safetensors file of steergan features train.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of halves and permutations.")
@click.option("--out", type=OutputFile(), help="Draw examples and copies into this PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the whole protocol.")
def symmetry(
    source: str | None,
    recipe: Path | None,
    size: int | None,
    samples: int,
    permutations: int,
    features: str,
    seed: int,
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Test which symmetry a data set has, and recommend a group: D4, C4, D2, C2, D1 or none.

    Half of the training images of each class, and of all together, are compared with the other half, rotated and
    reflected. A test that finds nothing is no proof; the answer says what it would have found. Angles between quarter
    turns are not tested. NAME-OR-PATH is a data set, a folder of images, an .npz file, scikit-image:NAME,
    or a run, whose folder keeps the answer for its report.

    \b
    Examples:
      steergan data symmetry rotmnist --out symmetry.png
      steergan data symmetry slides/ --size 64
      steergan data symmetry --recipe recipes/lysto.toml --json
      steergan data symmetry runs/00000-quickstart
    """
    if (source is None) == (recipe is None):
        raise click.UsageError("NAME-OR-PATH or --recipe FILE is wanted, one of them")
    from steergan import data
    from steergan.invariance.data import caveat, data_symmetry
    from steergan.invariance.pictures import symmetry_figure
    from steergan.pictures import save_png
    from steergan.run.data_symmetry import keep_symmetry

    run = run_of(source)
    settings = settings_of(source, recipe, size, options)
    with progress_lines(f"preparing {settings.name}") as progress:
        prepared = data.prepare(settings, progress)
    images = data.take(prepared, settings, "train")
    found = data_symmetry(
        images,
        copies=prepared.copies,
        samples=samples,
        permutations=permutations,
        seed=seed,
        features=features,
        progress=show_progress,
    )
    if out is not None:
        save_png(symmetry_figure(images, found), out)
    kept = None if run is None else keep_symmetry(run, images, settings, found)
    what = f"{settings.name}: {len(images):,} training images of {' x '.join(map(str, images.image_shape))}"
    if as_json:
        about = {"data": settings.model_dump(), "images_sha256": images.checksum, "caveat": caveat(settings.name)}
        click.echo(json.dumps({**asdict(found), **about}, indent=2))
    else:
        click.echo(as_text(found, what, caveat(settings.name)))
        if out is not None:
            click.echo(f"{out}: examples beside their transformed copies")
        if kept is not None:
            click.echo(f"{kept}: kept with the run, for its report")


def settings_of(
    source: str | None, recipe: Path | None, size: int | None, options: Mapping[str, Any]
) -> "DataSettings":
    """What to load; refuses `--size` and the options of fitting where they would do nothing."""
    from steergan.recipe import read_any_recipe, validate_any
    from steergan.recipe.data import SOURCES, Folder, Npz, Patches

    known = None if source is None or SOURCES.get(source, Folder).needs_path else SOURCES[source]
    given = {key: value for key, value in options.items() if value is not None}
    if size is not None and (source is None or known or (source.endswith(".npz") and not given)):
        raise click.UsageError("--size cuts patches from a folder of large images, or from one image")
    if given and (source is None or known):
        where = "stands in the recipe; change it there" if source is None else f"does nothing to {source}"
        raise click.UsageError(f"--{next(iter(given)).replace('_', '-')} {where}")
    if recipe is not None:
        return read_any_recipe(recipe).data
    run = run_of(source)
    if run is not None:
        from steergan.run.data_symmetry import settings_of_run

        if given or size is not None:
            raise click.UsageError(
                "a run is tested on the images that it was trained on; leave --size and the like out"
            )
        return settings_of_run(run)
    if known is not None:
        return known()
    table: dict[str, Any] = {"path": str(source), "size": size or 0, **given}
    if str(source).endswith(".npz"):
        table |= {"name": Npz().name}
    elif str(source).startswith("scikit-image:") or (size is not None and "fit" not in given):
        table |= {"name": Patches().name, "split": "none"}
    else:
        table |= {"name": Folder().name}
    return validate_any({"name": "data", "data": table}, "steergan data").data


def run_of(source: str | None) -> "RunFolder | None":
    """The run folder that is meant; None: something else."""
    from steergan.run.folder import RunFolder

    folder = RunFolder(Path(source or ""))
    return folder if source is not None and folder.recipe.is_file() and folder.about.is_file() else None


def show_progress(done: int, total: int) -> None:
    """A line that is overwritten, on a terminal only."""
    if sys.stderr.isatty():
        click.echo(f"\rtesting: {done} of {total} classes" + "\n" * (done == total), err=True, nl=False)


def as_text(found: "DataSymmetry", what: str, caveat: str) -> str:
    """A table of corrected p-values, a row a class, then the finding."""
    from steergan.invariance.verdict import short

    names = [element.element for element in found.subjects[0].elements]
    head = ("", "images", "as is", *(short(name) for name in names))
    rows = [head]
    for subject in found.subjects:
        cells = (f"{e.adjusted_p_value:.3g}{'*' * (e.adjusted_p_value <= 0.05)}" for e in subject.elements)
        rows.append((subject.name, f"2 x {subject.count}", f"{subject.control.p_value:.3g}", *cells))
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    protocol = f"p-values over {found.tests} tests (Holm), * below 0.05; {found.permutations} permutations; features: "
    group = "none" if found.group == "trivial" else found.group
    notes = [protocol + found.features, *found.skipped, *([caveat] if caveat else [])]
    return "\n".join([what, *table, *notes, "", found.finding, "", f"recommended group: {group}"])
