"""TOML from files, pipes and command lines that are none, have no end, or nest too deeply."""

import os
import threading
from pathlib import Path

import pytest

from steergan.errors import RecipeError
from steergan.recipe import read_recipe
from steergan.recipe.toml import MOST_BYTES, parsed, read_bytes

RECIPE = 'name = "x"\ndata = { name = "digits" }\n'
DEEP = "x = " + "[" * 50_000 + "]" * 50_000


def refusal(path: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    line = str(caught.value)
    assert line.isprintable()
    assert len(line) < 600
    return line


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (DEEP.encode(), "nested too deeply"),
        (b"x = " + b"9" * 5_000, "Exceeds the limit"),
        (b"x = \xff", "can't decode byte 0xff"),
        (b"x = 1\0", "not TOML"),
        (b"x = 'a\x1b[31m", "not TOML"),
        (b"name = 1" + b"#" * MOST_BYTES, "more than 1,000,000 bytes"),
    ],
)
def test_what_is_no_recipe_is_one_line(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "r.toml").write_bytes(content)
    assert why in refusal(tmp_path / "r.toml")


@pytest.mark.parametrize(
    "line",
    [
        "training.steps = 0x" + "f" * 5_000,
        "training.steps = " + "[" * 900 + "]" * 900,
        ".".join(["a"] * 5_000) + " = 1",
        '"' + "k" * 50_000 + '" = 1',
        '"a\\u001b[2J\\nb" = 1',
        "training = 1979-05-27T07:32:00Z",
    ],
    ids=["hexadecimal", "lists", "tables", "key", "control", "date"],
)
def test_odd_keys_and_values_are_one_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "r.toml").write_text(RECIPE.replace("\n", f"\n{line}\n", 1))
    refusal(tmp_path / "r.toml")


@pytest.mark.parametrize("base", ["/dev/zero", "pipe", "/dev/null", "a\\u0000b", ".", "~nobody/x.toml", "x" * 5_000])
def test_a_recipe_extends_plain_files_only(tmp_path: Path, base: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "r.toml").write_text(f'extends = "{base}"\n{RECIPE}')
    assert "r.toml" not in refusal(tmp_path / "r.toml").partition(":")[0]  # it is the other one that is at fault


def test_recipes_extend_one_another_so_often_only(tmp_path: Path) -> None:
    for k in range(30):
        (tmp_path / f"{k}.toml").write_text(f'extends = "{k + 1}.toml"\n')
    (tmp_path / "30.toml").write_text(RECIPE)
    assert "write what it needs into fewer" in refusal(tmp_path / "0.toml")
    assert read_recipe(tmp_path / "20.toml").name == "x"


def test_a_recipe_may_come_through_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(RECIPE,))
    writer.start()
    assert read_recipe(tmp_path / "pipe").name == "x"
    writer.join()


def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no plain file"):
        read_bytes(Path("/dev/zero"), pipe=True)


@pytest.mark.parametrize("value", ["[" * 5_000, "9" * 5_000, "x" * 100_000, "\0", "\x1b[2J", "\udcff"])
def test_odd_values_of_a_command_line_are_refused_in_one_line(tmp_path: Path, value: str) -> None:
    (tmp_path / "r.toml").write_text(RECIPE)
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path / "r.toml", [f"training.steps={value}"])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_parsed_is_toml() -> None:
    assert parsed('x = [1, "ä"]'.encode()) == {"x": [1, "ä"]}
