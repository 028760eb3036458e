"""`steergan project`: a line of JSON for each image, and one line for what can't be."""

import json
from pathlib import Path

import pytest

from tests.commands import invoke


@pytest.fixture
def drawn(tiny_run: Path, tmp_path: Path) -> Path:
    """Two samples, as the command draws them."""
    invoke("sample", tiny_run, "--seeds", "0-1", "--classes", "1", "--out", tmp_path / "drawn")
    return tmp_path / "drawn"


def test_each_image_gets_a_line_and_a_folder(tiny_run: Path, drawn: Path, tmp_path: Path) -> None:
    images = sorted(drawn.glob("class*.png"))
    options = ("--classes", "1", "--steps", "2", "--seed", "7", "--out", tmp_path / "found")
    told = invoke("project", tiny_run, *images, *options)
    assert told.exit_code == 0, told.output
    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert [record["image"] for record in records] == [str(path) for path in images]
    for record in records:
        assert (record["class"], record["steps"], record["seed"]) == ("1", 2, 7)
        assert record["error"] >= 0
        assert Path(record["latent"]).is_file()
        assert Path(record["picture"]).is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--classes", "nine"], "no class 'nine'"), (["--classes", "5"], "class 5 does not exist"),
        (["--at", "77"], "no networks of step 77"), (["--steps", "0"], "--steps"),
        (["--out", "FILE"], "is no folder; name one elsewhere"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(tiny_run: Path, drawn: Path, options: list[str], words: str) -> None:
    image = drawn / "class1-seed0000.png"
    some = [str(image) if word == "FILE" else word for word in options]
    told = invoke("project", tiny_run, image, "--steps", "1", *some)
    assert told.exit_code in (1, 2)
    assert words in told.stderr
    assert "Traceback" not in told.output
    if told.exit_code == 1:
        assert told.stderr.count("\n") == 1


def test_images_and_a_trained_run_are_wanted(tiny_run: Path, drawn: Path, tmp_path: Path) -> None:
    assert "IMAGE..." in invoke("project", tiny_run).stderr
    (tmp_path / "text.png").write_text("no image")
    for run, image, words in (
        (tmp_path, drawn / "grid.png", "not a run folder"),
        (tiny_run, tmp_path / "text.png", "not a readable image"),
        (tiny_run, drawn / "grid.png", "the run's images have 8 x 8"),
    ):
        told = invoke("project", run, image)
        assert told.exit_code == 1
        assert words in told.stderr
        assert told.stderr.count("\n") == 1
