"""The command `steergan project`."""

import json
from pathlib import Path

import click

from .options import OutputFolder, at_option, beside, chosen_classes, chosen_device, device_option, output, run_argument
from .progress import progress_lines


@click.command()
@run_argument
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--classes", metavar="cat,dog", help="Classes to try, by name or number. Default: all, up to 20.")
@click.option("--steps", type=click.IntRange(min=1), default=200, show_default=True, help="Of Adam.")
@click.option(
    "--starts",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="For each class and group element: the mean latent, and seeded ones.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the starts.")
@at_option
@device_option
@click.option("--out", type=OutputFolder(), help="Folder for a folder an image. Default: RUN/projections.")
def project(
    run: Path,
    images: tuple[Path, ...],
    classes: str | None,
    steps: int,
    starts: int,
    seed: int,
    at: str,
    device: str,
    out: Path | None,
) -> None:
    """Find the latent whose image is nearest to each IMAGE, in pixels, and draw both beside their difference.

    All classes and group elements are tried; a steerable latent holds the pose itself. Prints a line of JSON for each
    image: error is the root mean square difference in gray levels of 0 to 255; latent_rms, near 1 for samples, how far
    the latent is from what samples are drawn from. The latent lies in latent.npz, the picture in comparison.png.

    \b
    Examples:
      steergan project runs/00000-quickstart seven.png
      steergan project runs/00000-quickstart held-out/*.png --classes 3,5 --steps 500 --out found
    """
    from steergan.run import class_names, load_run
    from steergan.run.projecting import Search
    from steergan.run.projection_files import project_files

    where, target = chosen_device(device), output(out, run / beside("projections", at))
    labels = None if classes is None else chosen_classes(classes, class_names(run))
    loaded, search = load_run(run, at), Search(steps, starts, seed)
    with progress_lines("projecting") as progress:
        for record in project_files(loaded, images, target, labels, search, progress, where):
            click.echo(json.dumps(record))
