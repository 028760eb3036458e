"""`steergan features`, on a handful of images."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from steergan.metrics import (
    BackboneExtractor,
    ClassifierExtractor,
    choose_extractor,
    label_agreement,
    read_classifier,
    read_provenance,
)
from tests.commands import invoke


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """An .npz file of dark and of bright images: what a few updates can learn."""
    labels = np.arange(60) % 2
    noise = np.random.default_rng(0).integers(0, 40, size=(60, 1, 8, 8))
    path = tmp_path / "stripes.npz"
    np.savez(path, images=(noise + 190 * labels[:, None, None, None]).astype(np.uint8), labels=labels)
    return path


def train(stripes: Path, out: Path, *more: object) -> Result:
    said = ("--data", "npz", "--path", stripes, "--device", "cpu", "--epochs", 12, "--out", out)
    return invoke("features", "train", *said, *more)


def test_trained_file_says_where_it_comes_from_and_serves_as_an_extractor(stripes: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.safetensors"
    result = train(stripes, out, "--seed", 3)
    assert result.exit_code == 0, result.output
    table = read_provenance(out)
    said = "--data npz --path ... --epochs 12 --seed 3 --out mine.safetensors"
    assert table["command"] == f"steergan features train {said}"
    assert (table["seed"], table["train_count"], table["held_out_count"]) == ("3", "48", "12")
    assert str(tmp_path) not in str(table)
    error = float(table["held_out_error"])
    assert f"errs on {error:.2%} of 12 held-out images" in result.stdout
    content = np.load(stripes)
    assert label_agreement(read_classifier(out), content["images"], content["labels"]) > 0.9
    extractor = choose_extractor(str(out), (1, 8, 8))
    assert isinstance(extractor, ClassifierExtractor)
    assert (extractor.name, extractor.class_names) == ("mine", ("0", "1"))


def test_seed_and_turning_change_the_weights_and_repeating_does_not(stripes: Path, tmp_path: Path) -> None:
    hashes = []
    for more in ((), (), ("--seed", 1), ("--no-rotate",)):
        assert train(stripes, tmp_path / "mine.safetensors", *more).exit_code == 0
        hashes.append(read_provenance(tmp_path / "mine.safetensors")["weights_sha256"])
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_show_checks_the_shipped_weights() -> None:
    result = invoke("features", "show")
    assert result.exit_code == 0
    assert "held out error" in result.output
    assert "rotmnist-p4cnn.safetensors" in result.output


def test_show_of_a_damaged_file_is_one_line(stripes: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.safetensors"
    train(stripes, out)
    out.write_bytes(out.read_bytes()[:-9])
    result = invoke("features", "show", out)
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "not a whole .safetensors file" in result.output


@pytest.mark.parametrize(
    ("out", "said"), [("weights.pt", "NAME.safetensors was wanted"), ("file/x.safetensors", "can't be made")]
)
def test_place_that_cannot_be_written_is_refused_before_the_training(
    stripes: Path, tmp_path: Path, out: str, said: str
) -> None:
    (tmp_path / "file").touch()
    result = train(stripes, tmp_path / out)
    assert result.exit_code == 2
    assert said in result.output.replace("\n", " ")


def test_nothing_heavy_is_imported_for_help() -> None:
    code = "import sys, steergan_cli.features; sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'tqdm')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("command", [[], ["train"], ["check"], ["download"], ["show"]])
def test_every_help_has_an_example(command: list[str]) -> None:
    result = invoke("features", *command, "--help")
    assert result.exit_code == 0
    assert "steergan features " in result.output.partition("Example")[2]


@pytest.fixture
def shades(tmp_path: Path) -> Path:
    """A recipe that names dark and bright images."""
    labels = np.arange(60) % 2
    noise = np.random.default_rng(0).integers(0, 40, size=(60, 1, 8, 8))
    np.savez(
        tmp_path / "shades.npz", images=(noise + 190 * labels[:, None, None, None]).astype(np.uint8), labels=labels
    )
    recipe = tmp_path / "shades.toml"
    recipe.write_text(f'name = "shades"\ndata = {{ name = "npz", path = "{tmp_path}/shades.npz", held_out = 0.3 }}\n')
    return recipe


BACKBONE = ("--backbone", "resnet18", "--side", 32, "--rate", 0.001, "--epochs", 2, "--device", "cpu")


def test_fine_tuned_backbone_serves_as_an_extractor_and_says_where_it_comes_from(shades: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.safetensors"
    result = invoke("features", "train", "--recipe", shades, *BACKBONE, "--weights", "none", "--out", out)
    assert result.exit_code == 0, result.output
    assert "resnet18: random weights; --weights FILE starts from torchvision's ImageNet ones" in result.output
    assert "18 test images right (34 trained on, 8 to validate)" in result.output
    assert "512 features; name it as evaluation.features" in result.output
    table = read_provenance(out)
    assert (table["kind"], table["started_from"], table["train_count"]) == ("backbone", "random weights", "42")
    assert table["command"] == (
        "steergan features train --recipe shades.toml --backbone resnet18 --weights none --side 32 --rate 0.001 "
        "--epochs 2 --seed 0 --out mine.safetensors"
    )
    assert isinstance(choose_extractor(str(out), (1, 8, 8)), BackboneExtractor)
    shown = invoke("features", "show", out)
    assert (shown.exit_code, "validation error" in shown.output) == (0, True)


def test_check_tells_classes_apart_on_images_that_were_not_trained_on(shades: Path) -> None:
    result = invoke("features", "check", "--recipe", shades, *BACKBONE)
    assert result.exit_code == 0, result.output
    assert "16 test images right (20 trained on, 6 to validate)" in result.output  # 40 % of 42, a fifth of the others
    assert all(f"  {name}  " in result.output for name in "01")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (("--data", "npz", "--recipe", "x.toml"), "give --data NAME or --recipe FILE, and not both"),
        (("--data", "slides"), "data.name = 'slides'; wanted: 'rotmnist'"),
        ((), "give --data NAME or --recipe FILE, and not both"),
        (("--data", "npz", "--side", "64"), "--weights, --side and --rate are a backbone's; add --backbone NAME"),
    ],
)
def test_options_that_contradict_one_another_are_refused(tmp_path: Path, said: tuple[str, ...], answer: str) -> None:
    result = invoke("features", "train", *said, "--out", tmp_path / "x.safetensors")
    assert result.exit_code == 2
    assert answer in result.output


def test_unknown_backbone_and_missing_weights_are_one_line_each(shades: Path, tmp_path: Path) -> None:
    for more, answer in (
        (("--backbone", "resnet19"), "torchvision has no such classifier"),
        (("--backbone", "resnet18", "--weights", tmp_path / "none.pth"), "cannot be read"),
    ):
        result = invoke("features", "check", "--recipe", shades, "--device", "cpu", *more)
        assert result.exit_code == 1
        assert answer in result.output
        assert "Traceback" not in result.output
