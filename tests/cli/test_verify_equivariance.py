"""The command: what it proves, what it says, and with which code it ends."""

import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from steergan.networks import Discriminator
from steergan.verification import Finding, Record
from steergan_cli.verify_equivariance import row_of
from tests.commands import invoke

RIGHT = """
import steergan
from escnn import nn
from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, regular_type, trivial_type

image, hidden = trivial_type(gspace("C4"), 1), regular_type(gspace("C4"), 2)

def right():
    return nn.SequentialModule(GroupConvolution(image, hidden, 3), nn.ReLU(hidden))

class Shifted(nn.SequentialModule):
    def forward(self, x):
        y = super().forward(x)
        return nn.GeometricTensor(y.tensor.roll(1, 3), y.type)

def broken():
    return Shifted(GroupConvolution(image, hidden, 3))

def even():
    return nn.SequentialModule(GroupConvolution(image, hidden, 3), nn.PointwiseAvgPool2D(hidden, 2, 2))

def unproved():
    class Mine(GroupConvolution):
        pass
    return nn.SequentialModule(Mine(image, hidden, 3))

def both():
    return [right(), unproved()]

def all_three():
    return [right(), broken(), unproved()]

def nothing():
    return 3

def fails():
    raise RuntimeError("no weights here")
"""

names = itertools.count()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the current folder, under a name that no other test has imported."""
    monkeypatch.chdir(tmp_path)
    # The command adds the current folder to the path.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    package = tmp_path / f"package_{next(names)}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "models.py").write_text(RIGHT)
    return f"{package.name}.models"


@pytest.mark.parametrize(
    ("function", "code", "words"),
    [
        ("right", 0, "SequentialModule is equivariant under C4, all 4 elements that permute pixels, at 5 x 5"),
        ("broken", 1, "Shifted is NOT equivariant under C4 at 5 x 5"),
        ("unproved", 3, "Mine is a subclass of GroupConvolution, which is certified"),
        ("both", 3, "not proved"),
        ("all_three", 1, "NOT equivariant"),
    ],
)
def test_the_worst_verdict_is_the_exit_code(module: str, function: str, code: int, words: str) -> None:
    told = invoke("verify-equivariance", f"{module}:{function}", "--sizes", "5")
    assert told.exit_code == code, told.output
    assert words in told.stdout
    assert told.stderr == ""
    assert "Traceback" not in told.output


def test_sizes_that_nobody_asked_for_are_called_so_where_a_network_breaks_at_them(module: str) -> None:
    told = invoke("verify-equivariance", f"{module}:even", "--quick")
    assert told.exit_code == 1, told.output
    assert "29 x 29" in told.stdout
    assert told.stdout.splitlines()[-1].startswith("No --sizes were given, so these were chosen; --sizes 32")
    asked = invoke("verify-equivariance", f"{module}:even", "--quick", "--sizes", "28")
    assert asked.exit_code == 0, asked.output
    assert "No --sizes" not in asked.stdout + invoke("verify-equivariance", f"{module}:right", "--quick").stdout


def test_a_proved_network_shows_a_row_for_each_layer_and_level(module: str) -> None:
    lines = invoke("verify-equivariance", f"{module}:right", "--sizes", "5,6").stdout.splitlines()
    assert lines[0] == f"{module}:right: SequentialModule, equivariant under C4, 4 elements"
    assert " ".join(lines[1].split()) == "layer kind of layer types size kind bound verdict"
    firsts = [line.split()[0] for line in lines[2:-1]]
    assert firsts[0] == "algebra"
    assert {"0", "1", "composition"} <= set(firsts)
    assert all(line.endswith("holds") for line in lines[2:-1])
    assert "at 5 x 5 and 6 x 6 pixels, in evaluation and training mode: proved for every input" in lines[-1]


def test_quick_is_one_size_in_evaluation_mode(module: str) -> None:
    told = invoke("verify-equivariance", f"{module}:right", "--sizes", "5,6", "--quick")
    assert told.exit_code == 0
    assert "at 5 x 5 pixels, in evaluation mode" in told.stdout


def test_layers_alone_prove_nothing(module: str) -> None:
    told = invoke("verify-equivariance", f"{module}:right", "--sizes", "5", "--level", "1")
    assert told.exit_code == 3
    assert "a proof needs 2" in told.stdout
    assert invoke("verify-equivariance", f"{module}:right", "--sizes", "5", "--level", "2").exit_code == 0
    assert invoke("verify-equivariance", f"{module}:right", "--level", "7").exit_code == 2


@pytest.mark.parametrize("sizes", ["nonsense", "5,", "0", "-3", "5.5", "", "5x5"])
def test_sizes_that_are_none_are_bad_usage(module: str, sizes: str) -> None:
    refused = invoke("verify-equivariance", f"{module}:right", "--sizes", sizes)
    assert refused.exit_code == 2
    assert "sides in pixels were wanted, such as 29,28" in refused.stderr


def test_sizes_of_a_run_or_recipe_are_those_of_its_images(tiny_run: Path, tiny_recipe: Path) -> None:
    for target in (tiny_run, tiny_recipe):
        refused = invoke("verify-equivariance", target, "--sizes", "8")
        assert refused.exit_code == 2
        assert "--sizes is for module:function" in refused.stderr


@pytest.mark.parametrize("target", ["nowhere", "recipes/nowhere.toml", "nowhere:build"])
def test_a_target_that_is_missing_is_said_in_one_line(module: str, target: str) -> None:
    refused = invoke("verify-equivariance", target)
    assert refused.exit_code == 2
    assert sum("nowhere" in line for line in refused.stderr.splitlines()) == 1
    assert "nowhere" in refused.stderr
    assert "Traceback" not in refused.output


def test_without_a_target_and_recipes_there_is_nothing_to_do(module: str) -> None:
    refused = invoke("verify-equivariance")
    assert refused.exit_code == 2
    assert "no TARGET came, and ./recipes holds no recipe" in refused.stderr


def test_without_a_target_every_recipe_here_is_verified(module: str, tiny_recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "recipes").mkdir()
    for name in ("one", "two"):
        (tmp_path / "recipes" / f"{name}.toml").write_text(tiny_recipe.read_text())
    told = invoke("verify-equivariance", "--quick", "--level", "2")
    assert told.exit_code == 0, told.output
    heads = [line.split(":")[0] for line in told.stdout.splitlines() if "equivariant under" in line and ":" in line]
    assert {"recipes/one.toml", "recipes/two.toml"} <= set(heads)


def test_a_function_is_found_in_a_file_too(module: str, tmp_path: Path) -> None:
    name = f"target_{next(names)}"
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f"{name}.py").write_text(RIGHT)
    told = invoke("verify-equivariance", f"models/{name}.py:right", "--quick", "--level", "2", "--sizes", "8")
    assert told.exit_code == 0, told.output


@pytest.mark.parametrize(
    ("text", "function", "words"),
    [
        ("raise RuntimeError('no weights here')", "build", "can't be imported (RuntimeError: no weights here (target_"),
        ("def build(:", "build", "can't be imported (SyntaxError"),
        ("import nowhere_at_all", "build", "can't be imported (ModuleNotFoundError"),
        (RIGHT, "absent", "has no function 'absent'"),
        (f"{RIGHT}\nnumber = 3", "number", "has no function 'number'"),
        (RIGHT, "fails", "fails() failed (RuntimeError: no weights here (target_"),
        (RIGHT, "nothing", "returned 3; an escnn module or a Subject was wanted"),
    ],
)
def test_a_target_that_fails_is_said_in_one_line(
    module: str, tmp_path: Path, text: str, function: str, words: str
) -> None:
    name = f"target_{next(names)}"
    (tmp_path / f"{name}.py").write_text(text)
    refused = invoke("verify-equivariance", f"{name}:{function}")
    assert words in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "Traceback" not in refused.output
    assert refused.exit_code == 2


# --- runs


def test_certificates_of_a_run_agree_with_its_weights_and_with_no_others(tiny_run: Path, tmp_path: Path) -> None:
    file = tmp_path / "certificate.json"
    told = invoke("verify-equivariance", tiny_run, "--quick", "--level", "4", "--json", file)
    assert told.exit_code == 0, told.output
    assert f"certificates written to {file}" in told.stdout
    networks = json.loads(file.read_text())["networks"]
    assert [n["name"] for n in networks] == ["discriminator", "synthesis"]
    assert {n["verdict"] for n in networks} == {"proved"}
    assert all(n["sentence"] in told.stdout for n in networks)

    same = invoke("verify-equivariance", tiny_run, "--quick", "--level", "4", "--check", file)
    assert same.exit_code == 0, same.output
    assert same.stdout.count("agrees with these weights, record by record") == 2

    other = copytree(tiny_run, tmp_path / "other")
    weights = load_file(other / "generator.safetensors")
    key = next(k for k in weights if k.startswith("synthesis") and k.endswith("weights.0"))
    weights[key] = weights[key] + torch.tensor(1e-3)
    save_file(weights, other / "generator.safetensors")
    differs = invoke("verify-equivariance", other, "--quick", "--level", "4", "--check", file)
    assert differs.exit_code == 1, differs.output
    assert "discriminator agrees" in differs.stdout
    assert "synthesis DIFFERS (weights_sha256: " in differs.stdout


def test_the_law_of_a_runs_samples_is_among_the_rows(tiny_run: Path) -> None:
    told = invoke("verify-equivariance", tiny_run, "--quick")
    assert told.exit_code == 0, told.output
    assert "law of the samples" in told.stdout
    assert "how the seed map depends on the latent is no part of this claim" in told.stdout


def test_a_discriminator_that_sees_the_pose_is_proved_up_to_its_group_pooling(
    tiny_recipe: Path, tmp_path: Path
) -> None:
    posed = tmp_path / "posed.toml"
    posed.write_text(f'extends = "{tiny_recipe}"\n[discriminator]\nwidths = [4, 4]\ngroup_pool = "before-last-block"\n')
    told = invoke("verify-equivariance", posed, "--quick", "--level", "4")
    assert told.exit_code == 0, told.output
    assert "discriminator up to its group pooling is equivariant under C4" in told.stdout
    assert "see the pose of an image, and so does the score" in told.stdout


# --- runs and recipes


def test_equivariance_of_a_run_is_verified(tiny_run: Path, tmp_path: Path) -> None:
    told = invoke("verify-equivariance", tiny_run, "--json", tmp_path / "errors.json")
    assert told.exit_code == 0, told.output
    networks = json.loads((tmp_path / "errors.json").read_text())["networks"]
    assert [network["claim"] for network in networks] == ["invariant", "equivariant"]
    assert all(len(network["elements"]) == 4 and network["verdict"] == "proved" for network in networks)


def test_network_that_is_not_invariant_is_caught(tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Discriminator.forward
    monkeypatch.setattr(Discriminator, "forward", lambda self, image, y: right(self, image, y) + image[:, 0, 0, 0])
    told = invoke("verify-equivariance", tiny_run, "--quick")
    assert told.exit_code == 1
    assert "BROKEN" in told.stdout
    assert "discriminator is NOT invariant under C4" in told.stdout


# --- pictures of angles


def test_errors_by_angle_are_drawn(tiny_recipe: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "c8.toml"
    widths = "widths = [2, 2]"
    dense = f'[generator]\n{widths}\nlatent = "dense"\n[discriminator]\n{widths}\ngroup = "C8"\n'
    recipe.write_text(f'extends = "{tiny_recipe}"\nname = "c8"\n{dense}')
    told = invoke("verify-equivariance", recipe, "--picture", tmp_path / "angles.png")
    assert told.exit_code == 0, told.output
    assert "45 degrees" in told.output
    assert "relative error: median" in told.output
    with Image.open(tmp_path / "angles.png") as picture:
        assert picture.width > 500


@pytest.mark.parametrize("options", [("--quick",), ()])
def test_without_errors_there_is_no_picture(tiny_recipe: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    refused = invoke("verify-equivariance", tiny_recipe, *options, "--level", "6", "--picture", tmp_path / "angles.png")
    assert refused.exit_code == 2
    assert "nothing was measured between multiples of 90 degrees" in refused.stderr
    assert not (tmp_path / "angles.png").exists()


PLAIN = """
import torch
from steergan.layers import GroupConvolution
from steergan.networks import Discriminator, DiscriminatorSpec
from steergan.symmetry import gspace, regular_type, trivial_type
from escnn import nn

class Actor(torch.nn.Module):
    def __init__(self):
        super().__init__()
        space = gspace("C4")
        self.image, hidden = trivial_type(space, 1), regular_type(space, 2)
        self.layer = GroupConvolution(self.image, hidden, 3)
        self.drop = nn.PointwiseDropout(hidden)

    def forward(self, image, wind=None):
        y = self.drop(self.layer(self.image(image))).tensor
        return {"map": y, "all": y.mean((1, 2, 3)) if wind is None else wind}

def fails():
    return torch.nn.Linear(2, 3, bias=1, what=2)

class Given(torch.nn.Module):
    def forward(self, x, numbers, label, shade, weight):
        assert numbers.shape == (2, 3) and label.dtype == torch.int64 and label.max() < 4
        scale = numbers.sum(1) + label + shade.mean((1, 2, 3)) + weight[:, 0]
        return x * scale[:, None, None, None]

class Driven(torch.nn.Module):
    def forward(self, x, wind, numbers, label):
        return wind.mean((2, 3)) * (x.mean((2, 3)) + numbers.sum(1, keepdim=True) + label[:, None])

def posed():
    return Discriminator(DiscriminatorSpec(group="C4", widths=(8, 8), plain_width=4), (1, 8, 8), 3)
"""


@pytest.fixture
def plain(module: str, tmp_path: Path) -> str:
    (tmp_path / module.partition(".")[0] / "plain.py").write_text(PLAIN)
    return f"{module.partition('.')[0]}.plain"


def test_what_a_module_does_not_say_is_said_by_options(plain: str) -> None:
    options = ["--sizes", "5", "--level", "2", "--mode", "evaluation"]
    told = invoke("verify-equivariance", f"{plain}:Actor", *options)
    assert told.exit_code == 0, told.output
    assert "result 0, (2, 8, 5, 5), turns as 2*regular@C4; result 1, (2,), is invariant" in told.output
    told = invoke("verify-equivariance", f"{plain}:Actor", *options[:-2])
    assert told.exit_code == 3
    assert "--mode evaluation" in told.output
    told = invoke("verify-equivariance", f"{plain}:Actor", *options, "--out-type", "map=8*trivial@C4")
    assert told.exit_code == 3, told.output
    both = ["--in-type", "trivial@C4", "--in-type", "irrep_1@C4"]
    both += ["--out-type", "2*regular@C4", "--out-type", "irrep_1@C4"]
    told = invoke("verify-equivariance", f"{plain}:Actor", *options, *both)
    assert told.exit_code == 0, told.output
    assert "is equivariant under C4" in told.output
    told = invoke("verify-equivariance", f"{plain}:Actor", *options, "--claim", "invariant", "--upto", "layer")
    assert told.exit_code == 3, told.output
    assert "the output of layer" in told.output


def test_further_arguments_are_said_by_options(plain: str, tmp_path: Path) -> None:
    np.save(tmp_path / "two.npy", np.array([[0.5], [2.0]]))
    options = ["--sizes", "5", "--level", "2", "--mode", "evaluation", "--in-type", "trivial@C4"]
    given = [["--other", "3"], ["--other", "labels:4"], ["--other", "1x5x5"], ["--other", str(tmp_path / "two.npy")]]
    told = invoke("verify-equivariance", f"{plain}:Given", *options, *(word for pair in given for word in pair))
    assert told.exit_code == 0, told.output
    assert "is equivariant under C4" in told.output
    # Behind inputs that have a type, which are drawn.
    typed = ["--in-type", "irrep_1@C4", "--other", "3", "--other", "labels:4"]
    told = invoke("verify-equivariance", f"{plain}:Driven", *options, *typed, "--out-type", "irrep_1@C4")
    assert told.exit_code == 0, told.output


def test_a_bound_of_nothing_is_a_zero_in_the_table() -> None:
    nothing = Finding("bounded", "holds", "a matrix", 0.0)
    for bounds, shown in (((0.0,), "0"), ((0.0, 2e-7), "2.0e-07"), ((None,), "")):
        rows = [Record(1, "lift", replace(nothing, bound=bound)) for bound in bounds]
        assert row_of("lift", "5", rows)[5] == shown


def test_our_own_discriminator_is_proved_up_to_its_group_pooling(plain: str) -> None:
    told = invoke("verify-equivariance", f"{plain}:posed", "--sizes", "8", "--level", "2", "--upto", "group_pool")
    assert told.exit_code == 0, told.output
    assert "Discriminator is equivariant under C4" in told.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--in-type", "3*trivil@D4"), "D4 has no trivil; trivial, regular"),
        (("--out-type", "trivial"), "a field type was wanted, such as 3*trivial@D4"),
        (("--out-type", "a=trivial@C4", "--out-type", "trivial@C4"), "all or none was wanted"),
        (("--claim", "right"), "'right' is not one of 'equivariant', 'invariant'"),
        (("--upto", "head"), "has no submodule 'head'"),
        (("--out-type", "pose=trivial@C4"), "out_type names 'pose'; its result has map, all"),
    ],
)
def test_options_that_mean_nothing_are_bad_usage(plain: str, options: tuple[str, ...], words: str) -> None:
    told = invoke("verify-equivariance", f"{plain}:Actor", "--sizes", "5", *options)
    assert told.exit_code == 2
    assert words in " ".join(told.output.split())


def test_networks_of_another_step_are_a_runs_alone(plain: str) -> None:
    refused = invoke("verify-equivariance", plain, "--at", "best")
    assert refused.exit_code == 2
    assert f"--at best is for run folders; {plain} is none" in refused.stderr


def test_options_for_a_function_are_refused_of_a_recipe() -> None:
    told = invoke("verify-equivariance", "recipes/rotmnist.toml", "--mode", "evaluation")
    assert told.exit_code == 2
    assert "--mode is for module:function" in told.output


def test_a_function_that_fails_says_where(plain: str) -> None:
    told = invoke("verify-equivariance", f"{plain}:fails")
    assert told.exit_code == 2
    assert "fails() failed (TypeError: " in told.output
    assert "plain.py:21)" in told.output
