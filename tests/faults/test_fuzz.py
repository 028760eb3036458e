"""Recipes and command lines that nobody would write: used, or refused in one line with the exit code that says so."""

import contextlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import Result

from steergan.errors import RecipeError, SteerganError
from steergan.recipe import read_recipe, recipe_keys, write_recipe
from steergan.run.build import build_discriminator, build_generator
from steergan.study import read_study
from steergan_cli.main import COMMANDS, steergan
from tests.commands import invoke
from tests.thorough import size

RECIPES = size(120, 4000)
BUILT = size(8, 300)
LINES = size(40, 600)
ROOT = Path(__file__).parents[2]
VALUES = [
    "true", "0", "-1", "1", "2", "1e308", "-1e308", "nan", "inf", "-inf", "1e-320", "9" * 18, "9" * 25, "9" * 4_301,
    "0x" + "f" * 4_000, '""', '"x"', f'"{"x" * 9_000}"', '"a\\u0000b"', '"\\u001b[2J"', '"\\u202e"', '"~nobody/x"',
    "[]", "[[]]", "[0, -1]", f"[{'1, ' * 3_000}]", "[" * 40 + "]" * 40, "[" * 30_000, "{}", "{ a = 1 }", "1979-05-27",
    "07:32:00", '"C4"', '"C999999999"', '"SO2"', '"D-1"', '"auto"', '"../../etc/passwd"', '"/dev/zero"', "'''", "\x00",
    "\x1b", "é", '"é"', "[1, 2, 3, 4, 5, 6]", "[8, 4]", "1.5", '"1"', "-0", "+1", "1_0", "0.1e", "=", "",
]  # fmt: skip
BYTES = b"\x00\xff\xfe\x1b\n\r\t\"'[]{}=.#\\,0-9"


def mutated(text: str, draw: random.Random) -> bytes:
    """A recipe with one to three faults of different kinds."""
    content = text.encode()
    for _ in range(draw.randrange(1, 4)):
        lines = content.split(b"\n")
        place = draw.randrange(len(lines))
        match draw.randrange(8):
            case 0:  # another value of a key that is there
                key, is_key, _ = lines[place].partition(b"=")
                lines[place] = key + b"= " + draw.choice(VALUES).encode() if is_key else lines[place]
            case 1:  # a key of any section
                key = draw.choice(list(recipe_keys())).encode()
                lines.insert(place, key + b" = " + draw.choice(VALUES).encode())
            case 2:  # a line twice, or not at all
                lines[place : place + 1] = [lines[place]] * draw.choice([0, 2])
            case 3:  # bytes in the middle
                at = draw.randrange(len(lines[place]) + 1)
                odd = bytes(draw.choices(BYTES, k=draw.randrange(1, 9)))
                lines[place] = lines[place][:at] + odd + lines[place][at:]
            case 4:  # cut short
                lines = lines[:place]
            case 5:  # deep tables and long keys
                deep = b".".join([b"a"] * draw.choice([3, 300, 5_000]))
                lines.insert(place, draw.choice([deep + b" = 1", b"[" + deep + b"]", b"k" * 50_000 + b" = 1"]))
            case 6:  # another recipe below
                lines.insert(0, b"extends = " + draw.choice(VALUES).encode())
            case 7:  # a letter for another
                if lines[place]:
                    at = draw.randrange(len(lines[place]))
                    lines[place] = lines[place][:at] + bytes([draw.randrange(256)]) + lines[place][at + 1 :]
        content = b"\n".join(lines)
    return content


def texts() -> list[str]:
    """Recipes as they are shipped."""
    names = ["quickstart", "rotmnist", "anhir", "galaxies-demo", "lysto", "histology-demo"]
    return [path.read_text() for name in names if (path := ROOT / f"recipes/{name}.toml").is_file()]


def check_line(line: str) -> None:
    """One line of ours, about a recipe."""
    assert line.isprintable()
    assert "recipe" in line or ".toml" in line
    assert len(line) < 2500


def test_mutated_recipes_are_read_or_one_line(tmp_path: Path) -> None:
    draw, path, refused, built = random.Random(0), tmp_path / "r.toml", 0, 0
    for source in (ROOT / "recipes").glob("*.toml"):
        shutil.copy(source, tmp_path)  # what they extend
    assert len(texts()) > 3
    for k in range(RECIPES):
        path.write_bytes(content := mutated(draw.choice(texts()), draw))
        try:
            recipe = read_recipe(path)
            written = write_recipe(recipe)
        except RecipeError as error:
            check_line(str(error))
            refused += 1
            continue
        (tmp_path / "again.toml").write_text(written)
        assert read_recipe(tmp_path / "again.toml") == recipe, content
        if built < BUILT and k % 4 == 0:
            built += 1
            with contextlib.suppress(SteerganError):
                build_generator(small(recipe), (1, 16, 16), 2)
                build_discriminator(small(recipe), (1, 16, 16), 2)
    assert RECIPES / 3 < refused < RECIPES


def small(recipe: Any) -> Any:
    """The recipe with networks that are built in a moment, whatever else it says."""
    generator = recipe.generator.model_copy(update={"widths": (8, 4), "seed_width": 8})
    return recipe.model_copy(update={"generator": generator})


def test_mutated_studies_are_read_or_one_line(tmp_path: Path) -> None:
    draw, path, refused = random.Random(1), tmp_path / "s.toml", 0
    source = ROOT / "recipes/studies/rotmnist-small.toml"
    text = source.read_text().replace('"../', f'"{ROOT}/recipes/')
    count = max(20, RECIPES // 10)
    for _ in range(count):
        path.write_bytes(mutated(text, draw))
        try:
            read_study(path)
        except SteerganError as error:
            check_line(str(error))
            refused += 1
    assert refused > count // 4


WORDS = [
    "", " ", "-", "--", "-1", "0", "1", "3", "9" * 30, "9" * 5_000, "0-7", "7-0", "0-99999999999", "nan", "inf",
    "1e400", "x" * 5_000, "a\x1b[2Jb", "a\nb", "\u202e", "\udcff", "~nobody/x", "/dev/null/x", "/dev/zero",
    ".", "..", "cat,dog",
    "training.steps=0", "=", "a=b", "training.steps=" + "9" * 5_000, "cpu", "last", "best", "best:kid", "best:", "C4",
    "quickstart.toml", "é",
]  # fmt: skip
NEVER = {"doctor", "benchmark"}
"""Look at this machine, and take their time."""
HARMLESS = {
    "train": ["--dry-run"],
    "resume": [],
    "study": ["--dry-run"],
}
"""With these no line starts anything that takes long."""


def command_lines(draw: random.Random, run: Path, folder: Path) -> Iterator[list[str]]:
    """Commands with arguments and options that are drawn, some of them right."""
    own = [str(run), str(folder / "missing"), str(folder), str(run / "stats.jsonl")]
    names = [name for name in COMMANDS if name not in NEVER]
    for _ in range(LINES):
        name = draw.choice(names)
        command, words = steergan.get_command(click.Context(steergan), name), [name]
        while isinstance(command, click.Group):
            inner = draw.choice([*command.commands, draw.choice(WORDS)])
            words.append(inner)
            command = command.commands.get(inner)
        if command is None:
            yield words
            continue
        for parameter in command.params:
            if isinstance(parameter, click.Argument):
                words += [draw.choice([*own, *WORDS])] if parameter.required or draw.random() < 0.7 else []
            elif parameter.opts[0] not in ("--help", "--download", "--slurm") and draw.random() < 0.3:
                words.append(parameter.opts[0])
                if not getattr(parameter, "is_flag", False):
                    inside = str(folder / "out" / "x.png")
                    words.append(draw.choice([*WORDS, inside, *own]))
        yield [*words, *HARMLESS.get(name, [])]


def check_ending(words: list[str], ended: Result) -> None:
    """An exit code of ours, and of a fault one line at the end."""
    said = f"{words}: {ended.output[-600:]}"
    assert ended.exit_code in (0, 1, 2), said
    assert "internal error" not in ended.output, said
    if ended.exit_code:
        assert not ended.stderr or ended.stderr.splitlines()[-1].isprintable(), said


def test_drawn_command_lines_end_with_a_line_and_a_code(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STEERGAN_CACHE", str(tmp_path / "cache"))
    codes: dict[int, int] = {}
    for words in command_lines(random.Random(2), run, tmp_path):
        ended = invoke(*words)
        check_ending(words, ended)
        codes[ended.exit_code] = codes.get(ended.exit_code, 0) + 1
    assert {1, 2} <= codes.keys()
