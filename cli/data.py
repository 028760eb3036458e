"""The command `steergan data`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .data_symmetry import settings_of, symmetry
from .options import OutputFile, fitting_options
from .progress import progress_lines

if TYPE_CHECKING:
    from steergan.data import ImageSet

SPLITS = ("auto", "random", "group", "right", "none")
"""As in the recipe; the test sees to that, too."""


@click.group(no_args_is_help=True)
def data() -> None:
    """Prepare, list and look at data sets.

    Original files are found in the folders of STEERGAN_DATA and never changed. Prepared sets are kept in
    STEERGAN_CACHE, or else in the platform's cache folder.

    \b
    Examples:
      steergan data list
      steergan data prepare rotmnist --download
      steergan data prepare anhir --source ~/ANHIR
      steergan data preview my-images/ --out my-images.png
    """


data.add_command(symmetry)


@data.command("list")
def list_sets() -> None:
    """List originals and prepared sets, with counts, sizes and checksums.

    \b
    Example:
      STEERGAN_DATA=~/data steergan data list
    """
    from steergan.data import originals_bundled, originals_found, originals_wanted, prepared_found, unfinished_found

    click.echo("Originals (STEERGAN_DATA):")
    for name, where in originals_bundled().items():
        click.echo(f"  {name:8}  {where}")
    found = originals_found()
    for name, what, files in found:
        count = f"{len(files.files)} file" + "s" * (len(files.files) != 1)
        size, digest = megabytes(files.size), files.checksum()[:12]
        click.echo(f"  {name:8}  {what}, {count}, {size}, sha256 {digest}, {files.root}")
    for name, wanted in originals_wanted(found).items():
        click.echo(f"  {name:8}  not found; wanted: {wanted}")
    cache, prepared = prepared_found()
    click.echo(f"Prepared ({cache}):")
    for folder, manifest in prepared:
        click.echo(f"  {manifest['name']:8}  {folder.name}: {manifest['rule']}")
        for split, about in manifest["splits"].items():
            click.echo(
                f"            {split:8}  {about['count']:,} images of {shape(manifest['image_shape'])}, "
                f"{classes(len(about['per_class']))}, {megabytes(about['bytes'])}, sha256 {about['sha256'][:12]}"
            )
        for left_out in (*manifest.get("left_out", ()), *manifest.get("refused", ())):
            click.echo(f"            left out: {left_out['name']}: {left_out['reason']}")
    for left in unfinished_found():
        click.echo(f"  unfinished: {left.folder}, {megabytes(left.size)}; prepare it again to go on, or remove it")
    if not prepared:
        click.echo("  nothing yet; a set is prepared when it is first used, or by steergan data prepare")


@data.command()
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--source",
    "--path",
    "path",
    metavar="PATH",
    help="Originals: a folder, a file, or scikit-image:ihc.png, a bundled photo. Default: found in STEERGAN_DATA.",
)
@click.option("--recipe", type=click.Path(path_type=Path), help="Prepare what this recipe uses, in place of NAME.")
@click.option("--size", type=click.IntRange(min=1), help="Pixels per side of a patch or image. Default: the set's own.")
@click.option("--stride", type=click.IntRange(min=1), help="patches: pixels from one to the next. Default: no overlap.")
@click.option(
    "--foreground",
    type=click.FloatRange(0, 1),
    help="patches, anhir: least share of foreground in a patch; 0 takes all. Default: 0.1.",
)
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="What is held out: whole source images or lesions (group), single patches (random), the right part of every "
    "large image (right), nothing (none). Default: the set's own way.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share that is held out; official splits ignore it. Default: 0.2.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Of the split, as data.seed in the recipe. Default: 0.")
@fitting_options
@click.option("--download", is_flag=True, help="rotmnist, cifar10: fetch into the cache folder, with checksums.")
def prepare(name: str | None, path: str | None, recipe: Path | None, download: bool, **options: Any) -> None:
    """Prepare a data set now, and say where it went. Training would do the same when it first needs it.

    NAME is a data set as a recipe names it in data.name; `steergan data list` tells them all.

    A preparation that was stopped goes on when the same command is given again. Files that are damaged or mislabelled
    are named on stderr and left out, and the exit code is 1; the set without them is in place.

    \b
    Examples:
      steergan data prepare rotmnist --download
      steergan data prepare folder --source my-images/ --held-out 0.1
      steergan data prepare patches --source slides/ --size 64 --split right
      steergan data prepare --recipe recipes/anhir.toml --source ~/ANHIR
    """
    given = {key: value for key, value in options.items() if value is not None}
    refuse_combinations(name, recipe, list(given))
    from steergan.data import account_of, source_of
    from steergan.data import prepare as prepare_set
    from steergan.recipe import read_any_recipe, validate_any

    if recipe is not None:
        settings = read_any_recipe(recipe).data
    else:
        settings = validate_any({"name": "data", "data": {"name": name, **given}}, "steergan data prepare").data
    if download:
        fetch = source_of(settings.name).download
        if fetch is None or path or recipe is not None:
            raise click.UsageError(
                "--download fetches MNIST for rotmnist, or cifar10; with no other set, no --source and no --recipe"
            )
        path = str(fetch())
    if path is not None:
        settings = settings.model_copy(update={"path": path})
    with progress_lines(f"preparing {settings.name}") as progress:
        prepared = prepare_set(settings, progress, keep=True)
    click.echo(f"{settings.name}: {prepared.manifest['rule']}")
    for split, images in prepared.splits.items():
        click.echo(f"  {split:8}  {described(images)}, sha256 {images.checksum}")
    where = f"in {prepared.folder}" if prepared.folder else "made in memory when it is used; nothing is kept on disk"
    click.echo(f"  {where}")
    click.echo(account_of(prepared, settings).text())
    for left_out in prepared.refused:
        click.echo(f"steergan: {left_out['name']}: left out: {left_out['reason']}", err=True)
    if prepared.refused:
        again = f"mend them and prepare again (if they did not change, remove {prepared.folder} first)"
        click.echo(f"steergan: {len(prepared.refused)} left out, the rest is in place; {again}", err=True)
        raise click.exceptions.Exit(1)


def refuse_combinations(name: str | None, recipe: Path | None, given: Sequence[str]) -> None:
    """Options that contradict each other."""
    if (name is None) == (recipe is None):
        from steergan.recipe.data import SOURCES

        raise click.UsageError(f"NAME or --recipe FILE is wanted, one of them; names: {', '.join(SOURCES)}")
    if recipe is not None and given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} stands in the recipe; change it there")


@data.command()
@click.argument("source", metavar="[NAME-OR-PATH]", required=False)
@click.option("--recipe", type=click.Path(path_type=Path), help="Draw what this recipe uses, in place of NAME-OR-PATH.")
@click.option("--out", type=OutputFile(), required=True, help="The PNG to write.")
@click.option("--split", type=click.Choice(["train", "held_out"]), default="train", show_default=True)
@click.option("--size", type=click.IntRange(min=2), help="Cut patches of so many pixels a side; a folder of slides.")
@fitting_options
@click.option("--columns", type=click.IntRange(min=1), default=10, show_default=True, help="Images a class.")
@click.option(
    "--transforms", is_flag=True,
    help="A row for each transform of adaptive augmentation (of --recipe, or all) in place of each class.",
)
def preview(
    source: str | None,
    recipe: Path | None,
    out: Path,
    split: str,
    size: int | None,
    columns: int,
    transforms: bool,
    **options: Any,
) -> None:
    """Draw real images, a row a class, and tell what was understood of the files: classes, counts, what is left out.

    NAME-OR-PATH is a data set, a folder or zip file of images, or an .npz file. With --fit, --size is of whole images.

    \b
    Examples:
      steergan data preview digits --out digits.png
      steergan data preview photos/ --size 64 --fit crop --out photos.png
      steergan data preview slides/ --size 64 --out slides.png
      steergan data preview --recipe recipes/histology-demo.toml --out patches.png
      steergan data preview digits --transforms --out transforms.png
    """
    if (source is None) == (recipe is None):
        raise click.UsageError("NAME-OR-PATH or --recipe FILE is wanted, one of them")
    if source in ("folder", "npz", "patches", "pairs"):
        raise click.UsageError(f"{source} is a kind of data; give the folder or file itself, or --recipe FILE")
    from steergan.data import account_of, class_rows, take
    from steergan.data import prepare as prepare_set
    from steergan.pictures import grid, save_png, stacked

    settings = settings_of(source, recipe, size, options)
    prepared = prepare_set(settings)
    images = take(prepared, settings, "train" if split == "train" else "held_out")
    if transforms:
        save_transforms(images, recipe, columns, out)
    else:
        chosen, inputs = class_rows(images, columns), prepared.manifest.get("inputs", 0)
        rows = images.images[chosen.ravel()]
        labels = ["input", "output"] if inputs else images.class_names
        shown = stacked(rows[:, :inputs], rows[:, inputs:]) if inputs else rows
        save_png(grid(shown, chosen.shape[1], labels=labels), out)
    click.echo(f"{out}: {described(images)}")
    click.echo(account_of(prepared, settings).text())


def save_transforms(images: "ImageSet", recipe: Path | None, columns: int, out: Path) -> None:
    """Draw what transforms do to images of all classes."""
    import torch

    from steergan.augmentation import KINDS, preview_transforms
    from steergan.data import class_rows
    from steergan.pictures import grid, save_png
    from steergan.recipe import read_recipe

    kinds = KINDS if recipe is None else read_recipe(recipe).augmentation.transforms
    rows = class_rows(images, columns).T.ravel()[:columns]
    found = preview_transforms(torch.from_numpy(images.images[rows]), kinds)
    save_png(grid(torch.cat(list(found.values())).numpy(), len(rows), labels=list(found)), out)


def described(images: "ImageSet") -> str:
    """Size of a split, in words."""
    return f"{len(images):,} images of {shape(images.image_shape)}, {classes(images.classes)}"


def shape(image_shape: tuple[int, ...] | list[int]) -> str:
    """(C, H, W) as people write it."""
    return " x ".join(map(str, image_shape))


def classes(count: int) -> str:
    """A number of classes, in words."""
    return f"{count} class" + "es" * (count != 1)


def megabytes(size: int) -> str:
    """Bytes in MB, with a decimal."""
    return f"{size / 1e6:,.1f} MB"
