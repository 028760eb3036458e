"""The recipes that come with steergan, by name: `steergan:quickstart` is one wherever you are."""

import difflib
import os
from pathlib import Path

from steergan.errors import RecipeError, shown

PREFIX = "steergan:"
"""What the name of a recipe begins with that comes with steergan."""
PACKAGE = Path(__file__).parents[1]


def bundled_folder() -> Path:
    """Where they lie: in the package, or beside it in a checkout.

    Raises:
        RecipeError: nowhere; the installation is not whole.
    """
    for folder in (PACKAGE / "recipes", PACKAGE.parent / "recipes"):
        if (folder / "quickstart.toml").is_file():
            return folder
    raise RecipeError(f"{PACKAGE}: has lost its recipes; install steergan anew")


def bundled_names() -> list[str]:
    """Every name, such as `steergan:paper/rotmnist/base`, in order; studies are among them.

    Examples:
        >>> "steergan:quickstart" in bundled_names()
        True
    """
    folder = bundled_folder()
    return [PREFIX + path.relative_to(folder).with_suffix("").as_posix() for path in sorted(folder.rglob("*.toml"))]


def located(name: str | os.PathLike[str], folder: Path | None = None) -> Path:
    """The file of a recipe.

    Args:
        name: a path, or `steergan:` and the path of a recipe that comes with steergan, with `.toml` or without.
        folder: what a path starts from; None: where the process is.

    Raises:
        RecipeError: steergan brings no recipe of this name.

    Examples:
        >>> located("steergan:quickstart").name, located("mine.toml", Path("all")).as_posix()
        ('quickstart.toml', 'all/mine.toml')
    """
    text = os.fspath(name)
    if not text.startswith(PREFIX):
        return Path(text) if folder is None else folder / text
    wanted = text.removeprefix(PREFIX).removesuffix(".toml")
    known = [known.removeprefix(PREFIX) for known in bundled_names()]
    if wanted not in known:
        close = difflib.get_close_matches(wanted, known, n=1)
        meant = f"did you mean {PREFIX}{close[0]}?" if close else "steergan recipe list names them"
        raise RecipeError(f"{shown(text)}: no such recipe comes with steergan; {meant}")
    return bundled_folder() / f"{wanted}.toml"


def source_name(path: Path) -> str:
    """What a recipe's file is called wherever it is read: `steergan:NAME`, or its name without folders.

    Examples:
        >>> source_name(located("steergan:quickstart")), source_name(Path("somewhere/mine.toml"))
        ('steergan:quickstart', 'mine.toml')
    """
    try:
        inside = path.resolve().relative_to(bundled_folder().resolve())
    except (RecipeError, ValueError):  # none come with steergan, or it is none of them
        return path.name
    return PREFIX + inside.with_suffix("").as_posix()
