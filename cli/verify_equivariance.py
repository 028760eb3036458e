"""The command `steergan verify-equivariance`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .certificates import certificate_bytes, compare, read_certificates, result_of
from .field_types import in_type_option, out_type_option, types_of
from .options import OutputFile, at_option, record_option, save_record
from .other_inputs import others_of, others_option

if TYPE_CHECKING:
    from steergan.verification import Certificate

EXIT = {"proved": 0, "no claim": 0, "broken": 1, "not proved": 3}
"""Exit codes; 2 is click's for bad usage. Of several networks the worst decides: broken, then not proved."""

HEADER = ("layer", "kind of layer", "types", "size", "kind", "bound", "verdict")


@click.command("verify-equivariance")
@click.argument("targets", metavar="[TARGET]...", nargs=-1)
@click.option("--level", type=click.IntRange(0, 6), default=6, show_default=True, help="The last level to check.")
@click.option("--sizes", metavar="N,N,...", help="Sides in pixels at which a module:function is verified.")
@in_type_option
@out_type_option
@others_option
@click.option("--claim", type=click.Choice(["equivariant", "invariant"]), help="What is claimed. Default: as measured.")
@click.option(
    "--mode",
    "modes",
    type=click.Choice(["evaluation", "training"]),
    multiple=True,
    help="Which mode is claimed; repeatable. Default: both.",
)
@click.option("--upto", metavar="PATH", help="Path of a submodule: the claim ends with its output.")
@at_option
@click.option("--quick", is_flag=True, help="One size, evaluation mode, nothing drawn; seconds instead of minutes.")
@click.option("--json", "file", metavar="FILE", type=OutputFile(), help="Write the certificates.")
@click.option("--picture", metavar="PNG", type=OutputFile(), help="Draw errors by angle (level 6).")
@click.option("--check", metavar="FILE", type=click.Path(path_type=Path), help="Compare with certificates in FILE.")
@record_option
def verify_equivariance(
    targets: tuple[str, ...],
    level: int,
    sizes: str | None,
    in_type: tuple[str, ...],
    out_type: tuple[str, ...],
    others: tuple[str, ...],
    claim: str | None,
    modes: tuple[str, ...],
    upto: str | None,
    at: str,
    quick: bool,
    file: Path | None,
    picture: Path | None,
    check: Path | None,
    record: Path | None,
) -> None:
    """Prove that networks are equivariant, or name the first layer that breaks them.

    TARGET is a recipe (a file, or steergan:NAME), a run folder, or package.module:function (or file.py:function), which
    returns an escnn module; without one, every recipe in ./recipes. Of a module:function --sizes, --in-type and so on
    say what the module does not. A TYPE is a sum of fields of a group: trivial, regular, irrep_K (irrep_J,K of D_N and
    O2), quotient_N, fourier_K.

    Levels: 0 algebra, 1 layers, 2 composition, 3 integers end to end, 4 floating point end to end, 5 law of the
    samples, 6 off the grid. docs/verification.md says what each proves.

    Exit code: 0 proved (or nothing claimed), 1 broken (or --check differs), 2 bad usage or a network that can't be run,
    3 not proved (always below --level 2); of several networks the worst.

    \b
    Examples:
      steergan verify-equivariance steergan:rotmnist
      steergan verify-equivariance runs/00000-quickstart --json certificate.json
      steergan verify-equivariance --check certificate.json runs/00000-quickstart
      steergan verify-equivariance recipes/groups/rotmnist-so2.toml --picture angles.png
      steergan verify-equivariance my_package.models:build --sizes 33,32
      steergan verify-equivariance my_package.models:actor --in-type 3*trivial@D4 --out-type irrep_1,1@D4
      steergan verify-equivariance my_package.models:critic --other 4 --other labels:10
    """
    from steergan.files import write_whole

    asked = {
        "sizes": side_lengths(sizes),
        "in_type": (in_types := types_of(in_type, "--in-type")),
        "out_type": types_of(out_type, "--out-type"),
        "others": others_of(others, in_types),
        "claim": claim,
        "modes": modes,
        "upto": upto,
    }
    chosen = list(targets) or recipes_here()
    saved = None if check is None else read_certificates(check)
    certificates: list[tuple[str, Certificate]] = []
    for target in chosen:
        for certificate in certify(target, level, quick, at, asked):
            if certificates:
                click.echo()
            certificates.append((target, certificate))
            show(target if at == "last" else f"{target} --at {at}", certificate)
            if certificate.verdict == "broken" and sizes is None and names_function(target):
                click.echo("No --sizes were given, so these were chosen; --sizes 32, say, verifies at 32 x 32 alone.")
    if file is not None:
        write_whole(file, certificate_bytes(certificates))
        click.echo(f"\ncertificates written to {file}")
    if picture is not None:
        draw(certificates, picture)
    if record is not None:
        save_record(result_of(certificates, record.stem), record)
    code = max((EXIT[c.verdict] for _, c in certificates), key=(0, 3, 1).index)
    if saved is not None:
        code = compare(saved, certificates, check) or code
    if code:
        raise click.exceptions.Exit(code)


def draw(certificates: "list[tuple[str, Certificate]]", picture: Path) -> None:
    """The errors of the networks that have any between the angles of the grid."""
    from steergan import run
    from steergan.pictures import save_png

    found = {f"{Path(target).stem}: {c.name}": c.off_grid for target, c in certificates if c.off_grid is not None}
    if not found:
        raise click.UsageError(
            f"--picture {picture}: nothing was measured between multiples of 90 degrees; that takes level 6 without "
            "--quick, and a group such as C8 or SO2"
        )
    save_png(run.angle_figure(found), picture)
    click.echo(f"\nerrors against the angle drawn in {picture}")


def side_lengths(text: str | None) -> tuple[int, ...] | None:
    """`29,28` as numbers."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text!r} came; sides in pixels were wanted, such as 29,28", param_hint="'--sizes'")
    return tuple(int(part) for part in parts)


def recipes_here() -> list[str]:
    """The recipes directly in ./recipes."""
    found = sorted(str(path) for path in Path("recipes").glob("*.toml"))
    if not found:
        raise click.UsageError("no TARGET came, and ./recipes holds no recipe; name a recipe, a run or module:function")
    return found


def certify(target: str, level: int, quick: bool, at: str, asked: dict[str, Any]) -> "list[Certificate]":
    """The certificates of a target, with progress on stderr.

    Args:
        target: a recipe, a run folder, or package.module:function.
        level: the last one to check.
        quick: see --quick.
        at: see --at.
        asked: options that are for a module:function alone.
    """
    from steergan import run
    from steergan.recipe import read_any_recipe

    path, is_bundled = Path(target), target.startswith("steergan:")
    for name, value in asked.items():
        if value and not names_function(target):
            option = f"--{name.removesuffix('s') if name in ('modes', 'others') else name.replace('_', '-')}"
            words = f"the sizes of {target} are those of its images" if name == "sizes" else "a recipe says its claims"
            raise click.UsageError(f"{option} is for module:function; {words}")
    if path.is_dir():
        return run.verify_run(path, level=level, quick=quick, tell=tell, at=at)
    if at != "last":
        raise click.UsageError(f"--at {at} is for run folders; {target} is none")
    if is_bundled or path.suffix == ".toml" or path.is_file():
        return run.verify_recipe(read_any_recipe(path), level=level, quick=quick, tell=tell)
    if ":" in target:
        return run.verify_function(target, level=level, quick=quick, tell=tell, **asked)
    raise click.UsageError(f"{target}: no such recipe or run folder, and not package.module:function")


def names_function(target: str) -> bool:
    """Whether it is package.module:function, and no recipe of ours and no path."""
    return ":" in target and not target.startswith("steergan:") and not Path(target).exists()


def tell(words: str) -> None:
    """What is being checked, where a person is watching."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{words} ...", nl=False, err=True)


def show(target: str, certificate: "Certificate") -> None:
    """One network's table and verdict."""
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
    elements = f", {len(certificate.elements)} elements" if len(certificate.elements) > 1 else ""
    click.echo(f"{target}: {certificate.name}, {certificate.claim} under {certificate.group}{elements}")
    rows = [HEADER, *table_rows(certificate)]
    if len(rows) > 1:
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
        for row in rows:
            click.echo("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo(certificate.sentence)


def table_rows(certificate: "Certificate") -> list[tuple[str, ...]]:
    """Layers one by one; the other levels in a row each, but for what does not hold."""
    from steergan.verification import LEVELS
    from steergan.verification.subject import size_words

    rows: list[tuple[str, ...]] = []
    for level, title in LEVELS.items():
        records = [r for r in certificate.records if r.level == level]
        groups: dict[tuple[str, str, str], list[Any]] = {}
        for r in records:
            by_layer = level in (1, 5, 6) or r.finding.verdict in ("broken", "not proved")
            at = (r.path, size_words(r.sizes)) if by_layer else (title, "")
            groups.setdefault((*at, r.mode if level != 1 else ""), []).append(r)
        for (path, size, mode), found in groups.items():
            rows.append(row_of(f"{path} ({mode})" if mode else path, size, found))
    return rows


def row_of(path: str, size: str, rows: list[Any]) -> tuple[str, ...]:
    """Several records about one layer as one row: the weakest of each."""
    kinds, verdicts = ("exact", "bounded", "measured", "unknown"), ("holds", "no claim", "not applicable")
    found = [r.finding for r in rows]
    kind = max((f.kind for f in found), key=kinds.index)
    worst = max((f.verdict for f in found), key=(*verdicts, "not proved", "broken").index)
    bounds = [f.bound for f in found if f.bound is not None]
    nothing = "0" if worst == "holds" and (kind == "exact" or bounds) else ""
    bound = f"{max(bounds):.1e}" if any(bounds) else nothing
    fault = next((f for f in found if f.verdict in ("broken", "not proved")), None)
    words = worst.upper() if worst == "broken" else worst
    if fault is not None:
        words += f": {fault.witness or fault.argument}"
    elif worst == "no claim" and kind == "measured" and any(bounds):
        words = found[0].argument
    elif worst != "holds":
        words += f": {found[0].argument}"
    elif any(f.form == "Fourier" for f in found):
        words += ", also in its Fourier form"
    layers = list(dict.fromkeys(r.layer for r in rows if r.layer))
    types = list(dict.fromkeys(r.types for r in rows if r.types))
    return path, layers[0] if len(layers) == 1 else "", types[0] if len(types) == 1 else "", size, kind, bound, words
