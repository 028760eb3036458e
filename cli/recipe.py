"""The command `steergan recipe`."""

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import click

from .options import OutputFile, chosen_device, device_option, output, positive, set_option
from .progress import progress_lines


@click.group(no_args_is_help=True)
def recipe() -> None:
    """Look at recipes, and at what may stand in them.

    \b
    Examples:
      steergan recipe new my-images/
      steergan recipe list
      steergan recipe show steergan:quickstart
      steergan recipe keys data
    """


@recipe.command("list")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True), required=False)
def list_recipes(folder: Path | None) -> None:
    """List the recipes below a FOLDER, each with its first comment. Default: those that come with steergan, by name.

    \b
    Examples:
      steergan recipe list
      steergan recipe list my-recipes/
    """
    inside = folder or bundled()
    for path in sorted(inside.rglob("*.toml")):
        try:
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
            named = "name" in tomllib.loads(text)
        except (OSError, ValueError, RecursionError):  # what no recipe is
            named = False
        if named:  # studies and the like have none
            first = text.partition("\n")[0]
            shown = path if folder else f"steergan:{path.relative_to(inside).with_suffix('').as_posix()}"
            click.echo(f"{shown}  {first.removeprefix('#').strip() if first.startswith('#') else ''}".rstrip())


def bundled() -> Path:
    """What `steergan.recipe.bundled` calls so, without importing steergan, which takes seconds."""
    spec = importlib.util.find_spec("steergan")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    return next(place for place in (package / "recipes", package.parent / "recipes") if place.is_dir())


@recipe.command()
@click.argument("file", metavar="RECIPE", type=click.Path(path_type=Path))
@set_option
def show(file: Path, overrides: tuple[str, ...]) -> None:
    """Print a RECIPE with every key spelled out, whatever it extends.

    \b
    Example:
      steergan recipe show steergan:quickstart --set generator.group=D4
    """
    from steergan.recipe import read_any_recipe, write_recipe

    click.echo(write_recipe(read_any_recipe(file, overrides)).rstrip())


@recipe.command()
@click.argument("prefix", metavar="[SECTION-OR-KEY]", default="")
def keys(prefix: str) -> None:
    """Print every key that a recipe may set: its default, its values and its meaning.

    \b
    Examples:
      steergan recipe keys
      steergan recipe keys data
      steergan recipe keys training.ema_rampup
    """
    from steergan.recipe import TranslationRecipe, described_keys, nearest

    own = list(described_keys())
    others = [
        key._replace(name=f"{key.name} of translations")
        for key in described_keys(TranslationRecipe)
        if key.name.startswith(("generator.", "discriminator."))
    ]
    found = [key for key in (*own, *others) if f"{key.name.split()[0]}.".startswith(f"{prefix}." if prefix else "")]
    if not found:
        raise click.UsageError(f"no key or section {prefix}{nearest(prefix)}")
    for key in found:
        default = "has no default" if key.default is None else f"default {as_toml(key.default)}"
        click.echo(f"{key.name}: {default}; {key.values}")
        if key.meaning:
            click.echo(click.wrap_text(key.meaning, 100, "    ", "    "))


@recipe.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.option("--out", type=OutputFile(), help="File to write. Default: FOLDER.toml.")
@click.option("--group", default="auto", show_default=True, help="Of both networks; auto: what a test recommends.")
@click.option("--size", type=click.Choice(["8", "16", "32", "64"]), help="Pixels per side. Default: what fits.")
@click.option("--minutes", type=float, default=15.0, show_default=True, callback=positive, help="Of training, about.")
@click.option("--skip-damaged", is_flag=True, help="Leave out files that can't be read, by name.")
@device_option
def new(folder: Path, out: Path | None, **wishes: Any) -> None:
    """Write a recipe for the images in a FOLDER or zip file: a group that is tested, steps that fit the time.

    \b
    Examples:
      steergan recipe new photos/
      steergan recipe new slides/ --group D4 --minutes 60 --out slides.toml
    """
    from steergan import run

    named = folder.stem if folder.is_file() else folder.resolve().name
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", named).strip("-._") or "images"
    target = output(out, Path(f"{stem}.toml"), OutputFile)
    if target.exists():
        raise click.UsageError(f"{target} is there already; give --out another file")
    settled = {"device": chosen_device(wishes["device"]), "size": int(wishes["size"] or 0)}
    wish = run.Wish(**wishes | settled)
    with progress_lines(f"looking at {folder}") as progress:
        text = run.propose(folder, stem, wish, progress, target)
    target.write_text(text, encoding="utf-8")
    click.echo(text.partition("\n\n")[0])
    click.echo(f"{target}: written; look at it, then: steergan train {target}")


def as_toml(value: object) -> str:
    """A value as recipes write it."""
    import tomli_w

    return tomli_w.dumps({"x": value}).partition(" = ")[2].strip().replace("\n", "").replace("    ", "")
