"""steergan data"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from steergan.data import ImageSet, Progress

NAMES = ("rotmnist", "digits", "folder", "npz")
"""The data sets that a recipe may name; a test compares them with the recipe's."""


@click.group(no_args_is_help=True)
def data() -> None:
    """Prepare, list and look at data sets.

    Original files are found in the folders of STEERGAN_DATA and never changed. Prepared sets are kept in
    STEERGAN_CACHE, or else in the platform's cache folder.

    \b
    Examples:
      steergan data list
      steergan data prepare rotmnist --download
      steergan data preview my-images/ --out my-images.png
    """


@data.command("list")
def list_sets() -> None:
    """List originals and prepared sets, with counts, sizes and checksums.

    \b
    Example:
      STEERGAN_DATA=~/data steergan data list
    """
    from steergan.data import originals_found, prepared_found

    click.echo("Originals (STEERGAN_DATA):")
    click.echo("  digits    bundled with scikit-learn, 1,797 images")
    for name, what, files in originals_found():
        count = f"{len(files.files)} file" + "s" * (len(files.files) != 1)
        size, digest = megabytes(files.size), files.checksum()[:12]
        click.echo(f"  {name:8}  {what}, {count}, {size}, sha256 {digest}, {files.root}")
    cache, prepared = prepared_found()
    click.echo(f"Prepared ({cache}):")
    for folder, manifest in prepared:
        click.echo(f"  {manifest['name']:8}  {folder.name}: {manifest['rule']}")
        for split, about in manifest["splits"].items():
            click.echo(
                f"            {split:8}  {about['count']:,} images of {shape(manifest['image_shape'])}, "
                f"{classes(len(about['per_class']))}, {megabytes(about['bytes'])}, sha256 {about['sha256'][:12]}"
            )
    if not prepared:
        click.echo("  nothing yet; a set is prepared when it is first used, or by steergan data prepare")


@data.command()
@click.argument("name", type=click.Choice(NAMES))
@click.option("--path", default="", help="Originals: a folder, or an .npz file. Default: found in STEERGAN_DATA.")
@click.option("--download", is_flag=True, help="rotmnist: fetch MNIST into the cache folder, with checksums.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="As data.seed in the recipe.")
@click.option(
    "--held-out", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.2, show_default=True,
    help="As data.held_out in the recipe; rotmnist has its own split.",
)
def prepare(name: str, path: str, download: bool, seed: int, held_out: float) -> None:
    """Prepare a data set now, and say where it went. Training would do the same when it first needs it.

    \b
    Examples:
      steergan data prepare rotmnist --download
      steergan data prepare folder --path my-images/ --held-out 0.1
    """
    if download and (name != "rotmnist" or path):
        raise click.UsageError("--download fetches MNIST for rotmnist; it goes with no other data set and no --path")
    from steergan.data import download_mnist
    from steergan.data import prepare as prepare_set
    from steergan.recipe import DataSettings

    if download:
        path = str(download_mnist())
    settings = DataSettings.model_validate({"name": name, "path": path, "seed": seed, "held_out": held_out})
    with progress_bar(f"preparing {name}") as progress:
        prepared = prepare_set(settings, progress)
    click.echo(f"{name}: {prepared.manifest['rule']}")
    for split, images in prepared.splits.items():
        click.echo(f"  {split:8}  {described(images)}, sha256 {images.checksum}")
    where = f"in {prepared.folder}" if prepared.folder else "made in memory when it is used; nothing is kept on disk"
    click.echo(f"  {where}")


@data.command()
@click.argument("source", metavar="NAME-OR-PATH")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The PNG to write.")
@click.option("--split", type=click.Choice(["train", "held_out"]), default="train", show_default=True)
@click.option("--columns", type=click.IntRange(min=1), default=10, show_default=True, help="Images a class.")
def preview(source: str, out: Path, split: str, columns: int) -> None:
    """Draw real images, a row a class. NAME-OR-PATH is rotmnist, digits, a folder of images, or an .npz file.

    \b
    Example:
      steergan data preview digits --out digits.png
    """
    from steergan.data import class_rows, load
    from steergan.pictures import grid, save_png
    from steergan.recipe import DataSettings

    if source in ("rotmnist", "digits"):
        asked = {"name": source}
    else:
        asked = {"name": "npz" if source.endswith(".npz") else "folder", "path": source}
    images = load(DataSettings.model_validate(asked), "train" if split == "train" else "held_out")
    chosen = class_rows(images, columns)
    save_png(grid(images.images[chosen.ravel()], chosen.shape[1], labels=images.class_names), out)
    click.echo(f"{out}: {described(images)}")


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


@contextmanager
def progress_bar(title: str) -> Iterator["Progress"]:
    """A bar on stderr that appears with the first report and clears itself."""
    from tqdm import tqdm

    bar = tqdm(desc=title, unit=" images", unit_scale=True, leave=False, disable=None, delay=0.5)

    def progress(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    with bar:
        yield progress
