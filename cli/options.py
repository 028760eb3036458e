"""Options that several commands share, and how their values are read."""

import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from steergan.results import Result


class OutputFile(click.ParamType[Path]):
    """A file to write, in a folder that is made if need be: refused before the work, not after it, where that fails."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The file's path, once its folder is there and can be written."""
        path = Path(value)
        folder = path.absolute().parent
        if path.is_dir():
            self.fail(f"{path} is a folder; a file was wanted", param, ctx)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.fail(f"folder {folder} can't be made ({error.strerror}); name a file elsewhere", param, ctx)
        try:
            tempfile.TemporaryFile(dir=folder).close()  # permissions say too little: of root, of read-only disks
        except OSError as error:
            self.fail(f"{folder} can't be written ({error.strerror}); name a file in another folder", param, ctx)
        return path


class OutputFolder(click.ParamType[Path]):
    """A folder to write, which is made later: refused before the work where that, or a file in it, would fail."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The folder's path, once the nearest folder above it that is there can be written."""
        path = Path(value)
        absolute = path.absolute()
        nearest = next((place for place in (absolute, *absolute.parents) if os.path.lexists(place)), absolute)
        if not nearest.is_dir():
            self.fail(f"{path} can't be made: {nearest} is no folder; name one elsewhere", param, ctx)
        try:
            tempfile.TemporaryFile(dir=nearest).close()
        except OSError as error:
            self.fail(f"{nearest} can't be written ({error.strerror}); name a folder elsewhere", param, ctx)
        return path


def output(out: Path | None, default: Path, kind: type[OutputFile | OutputFolder] = OutputFolder) -> Path:
    """Where a command writes: what `--out` named, which was looked at, or where it writes else, which is now.

    Raises:
        click.BadParameter: there nothing can be written.
    """
    if out is not None:
        return out
    if kind is OutputFile and not default.parent.is_dir():
        return default  # of a run that is not there, which is said by whoever reads it
    try:
        return kind().convert(default, None, None)
    except click.BadParameter as fault:
        raise click.BadParameter(f"{fault.message} with --out", param_hint="'--out'") from None


record_option = click.option(
    "--record", metavar="JSON", type=OutputFile(), help="Write the outcome for docs/results.md, too."
)
json_option = click.option("--json", "file", metavar="FILE", type=OutputFile(), help="Write every time as JSON.")
moved_data_option = click.option(
    "--data", "data_path", metavar="PATH", help="Where the originals are now, if they moved."
)
set_option = click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Override a recipe key; repeatable."
)


def use_threads(ctx: click.Context, param: click.Parameter, value: int | None) -> None:
    """From here on torch computes on so many CPU threads."""
    if value is not None:
        import torch

        torch.set_num_threads(value)


threads_option = click.option(
    "--threads",
    type=click.IntRange(min=1),
    callback=use_threads,
    expose_value=False,
    help="CPU threads. Default: as torch finds best.",
)

MOST_NUMBERS = 100_000
"""A range longer than this is taken for a slip of the finger."""

Command = TypeVar("Command", bound=Callable[..., Any])


def numbers(ctx: click.Context | None, param: click.Parameter | None, value: str | None) -> tuple[int, ...] | None:
    """Whole numbers and ranges, both ends included, each number once: `0-63`, `3,5`, `0-7,70`."""
    if value is None:
        return None
    found: dict[int, None] = {}
    for part in value.split(","):
        ends = [end.strip() for end in part.split("-")]
        if len(ends) > 2 or not all(end.isascii() and end.isdigit() for end in ends):
            raise click.BadParameter(f"{value!r} came; numbers like 0-63 or 3,5 or 0-7,70 were wanted", ctx, param)
        first, last = int(ends[0]), int(ends[-1])
        if last < first:
            raise click.BadParameter(f"the range {part.strip()} runs backwards; write {last}-{first}", ctx, param)
        if last - first >= MOST_NUMBERS:
            raise click.BadParameter(f"the range {part.strip()} has over {MOST_NUMBERS:,} numbers", ctx, param)
        found.update(dict.fromkeys(range(first, last + 1)))
    return tuple(found)


def chosen_classes(value: str, names: Sequence[str], hint: str = "--classes") -> tuple[int, ...]:
    """Numbers of classes that are said by name, or else by number, each once; where all names are numbers, by name.

    Raises:
        click.BadParameter: there is no such name.
    """
    in_order = list(names) == [str(k) for k in range(len(names))]
    are_numbers = not in_order and all(name.isascii() and name.isdecimal() for name in names)
    found: dict[int, None] = {}
    for part in [value] if value in names else value.split(","):
        part = part.strip()
        if part in names:
            found[names.index(part)] = None
            continue
        try:
            said = numbers(click.get_current_context(silent=True), None, part) or ()
        except click.BadParameter:
            raise click.BadParameter(f"no class {part!r}; {told(names)}", param_hint=f"'{hint}'") from None
        for number in said:
            if are_numbers and str(number) not in names:
                raise click.BadParameter(f"no class {number}; {told(names)}", param_hint=f"'{hint}'")
            found[names.index(str(number)) if are_numbers else number] = None
    return tuple(found)


def told(names: Sequence[str]) -> str:
    """The classes that there are; at most ten."""
    numbered = [f"{k} {name}" if str(k) != name else name for k, name in enumerate(names[:10])]
    return "there are " + ", ".join(numbered) + f" and {len(names) - 10} more" * (len(names) > 10)


MOST_ANGLES = 3600
ANGLE_DIGITS = 6
"""Behind the point; file names have as many, so that no two angles share one."""


def angles(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """Angles in degrees, each once: `0,30,45`, or a range in equal steps whose end is left out: `0-360/12`."""
    if value is None:
        return None
    wanted = "angles in degrees like 0,30,45 or a range in equal steps like 0-360/12 (its end left out) were wanted"
    found: list[float] = []
    try:
        for part in value.split(","):
            ends, separator, count = part.partition("/")
            if separator:
                first, last = (float(end) for end in ends.split("-"))
                steps = int(count)
                if not 0 < steps <= MOST_ANGLES:
                    raise ValueError
                found += [first + (last - first) * i / steps for i in range(steps)]
            else:
                found.append(float(part))
        if not all(abs(angle) <= MOST_ANGLES for angle in found):
            raise ValueError
    except ValueError:
        raise click.BadParameter(f"{value!r} came; {wanted}", ctx, param) from None
    return tuple(dict.fromkeys(round(angle, ANGLE_DIGITS) for angle in found))


def extent(ctx: click.Context, param: click.Parameter, value: str | None) -> str | tuple[float, float] | None:
    """`dtype`, `minmax`, or two numbers: `0,4095`."""
    if value is None or value in ("dtype", "minmax"):
        return value
    try:
        low, high = (float(part) for part in value.strip("[]").split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} came; dtype, minmax or LOW,HIGH was wanted", ctx, param) from None
    return low, high


def fitting_options(command: Command) -> Command:
    """How images of other sizes and depths become alike, and what of them is done without."""
    for option in (
        click.option(
            "--fit", type=click.Choice(["crop", "resize", "pad"]), help="How images of other sizes become of one."
        ),
        range_option,
        click.option(
            "--background", type=click.Choice(["black", "white"]), help="Behind see-through pixels and padding."
        ),
        click.option("--skip-damaged", is_flag=True, default=None, help="Leave out files that can't be read, by name."),
    ):
        command = option(command)
    return command


def range_option(command: Command) -> Command:
    """Which values become black and white."""
    return click.option(
        "--range",
        metavar="dtype|minmax|LOW,HIGH",
        callback=extent,
        help="Which values become black and white, for images of more than 8 bits.",
    )(command)


def positive(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse zero and below, and what is no finite number."""
    if value is not None and not 0 < value < float("inf"):
        raise click.BadParameter(f"{value:g} came; a number above 0 was wanted, such as 0.75", ctx, param)
    return value


def run_argument(command: Command) -> Command:
    """The run folder."""
    return click.argument("run", metavar="RUN", type=click.Path(path_type=Path))(command)


def at_option(command: Command) -> Command:
    """Which of a run's networks."""
    return click.option(
        "--at",
        metavar="last|best|STEP",
        default="last",
        show_default=True,
        help="Which of its networks: the last; the best by Frechet distance, or best:kid, best:recall and the like; or "
        "those of a step that was kept.",
    )(command)


def beside(name: str, at: str) -> str:
    """Where what was drawn from the last networks lies, or beside it: `samples`, `samples-best`, `samples-best-kid`."""
    return name if at == "last" else f"{name}-{at.replace(':', '-')}"


def device_option(command: Command) -> Command:
    """Where to compute."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "mps"]),
        default="auto",
        show_default=True,
        help="Where to compute; auto takes an accelerator if there is one.",
    )(command)


def switch_convolution_option(command: Command) -> Command:
    """Leave to go on by another convolution path."""
    return click.option(
        "--switch-convolution",
        is_flag=True,
        help="Go on with a run although another convolution path computes it from here on; run.json says since when.",
    )(command)


def chosen_device(name: str) -> str:
    """The device that `--device` means on this machine.

    Raises:
        click.BadParameter: the machine, or this build of torch, has no such device.
    """
    import torch

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return next(device for device, there in present.items() if there)
    if not present[name]:
        there = ", ".join(device for device, found in present.items() if found)
        raise click.BadParameter(f"torch finds no {name} device here; it finds: {there}", param_hint="'--device'")
    return name


def command_line() -> str:
    """The command as the user gave it, with the program's short name, in a shell's quotes where it needs them."""
    return f"{click.get_current_context().find_root().info_name or 'steergan'} {shlex.join(sys.argv[1:])}"


def save_record(result: "Result", path: Path) -> None:
    """A record for the results page."""
    from steergan.results import write_result

    write_result(path, result)
    click.echo(f"recorded in {path}; `python -m benchmarks page` writes the page anew")
