"""The command `steergan recipe`."""

import tomllib
from pathlib import Path

import click

from .options import set_option


@click.group(no_args_is_help=True)
def recipe() -> None:
    """Look at recipes, and at what may stand in them.

    \b
    Examples:
      steergan recipe list
      steergan recipe show recipes/quickstart.toml
      steergan recipe keys data
    """


@recipe.command("list")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path("recipes"))
def list_recipes(folder: Path) -> None:
    """List the recipes below a FOLDER, each with its first comment. Default: recipes.

    \b
    Example:
      steergan recipe list recipes/paper
    """
    for path in sorted(folder.rglob("*.toml")):
        text = path.read_text(encoding="utf-8")
        try:
            named = "name" in tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            named = False
        if named:  # studies and the like have none
            first = text.partition("\n")[0]
            click.echo(f"{path}  {first.removeprefix('#').strip() if first.startswith('#') else ''}".rstrip())


@recipe.command()
@click.argument("file", metavar="RECIPE", type=click.Path(path_type=Path))
@set_option
def show(file: Path, overrides: tuple[str, ...]) -> None:
    """Print a RECIPE with every key spelled out, whatever it extends.

    \b
    Example:
      steergan recipe show recipes/quickstart.toml --set generator.group=D4
    """
    from steergan.recipe import read_recipe, write_recipe

    click.echo(write_recipe(read_recipe(file, overrides)).rstrip())


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
    from steergan.recipe import described_keys, nearest

    found = [key for key in described_keys() if f"{key.name}.".startswith(f"{prefix}." if prefix else "")]
    if not found:
        raise click.UsageError(f"no key or section {prefix}{nearest(prefix)}")
    for key in found:
        default = "has no default" if key.default is None else f"default {as_toml(key.default)}"
        click.echo(f"{key.name}: {default}; {key.values}")
        if key.meaning:
            click.echo(click.wrap_text(key.meaning, 100, "    ", "    "))


def as_toml(value: object) -> str:
    """A value as recipes write it."""
    import tomli_w

    return tomli_w.dumps({"x": value}).partition(" = ")[2].strip().replace("\n", "").replace("    ", "")
