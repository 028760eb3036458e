"""Which path computes a run's convolutions: recorded, refused where it can't be had, and never switched unasked."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from steergan import run
from steergan.errors import RecipeError, RunError, SteerganError
from steergan.kernels import library
from steergan.layers import choose_convolution
from steergan.networks import Discriminator, DiscriminatorSpec
from steergan.recipe import Recipe
from steergan.run import convolution_record as records
from steergan.run.convolution_record import ConvolutionRecord, continued, convolution_record
from steergan.run.folder import RunFolder
from steergan_cli.main import steergan
from tests.notes import Notes

pytestmark = pytest.mark.usefixtures("blank_curves")

MakeRecipe = Callable[..., Recipe]
Kernels = Callable[[str | None], None]
REASON = "no compiler was found"
DENSE = ConvolutionRecord(choice="auto", path="dense", reason=REASON)
FOURIER = ConvolutionRecord(choice="auto", path="fourier", instructions="avx512")


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Kernels:
    """Make the record believe in kernels with these instructions, or in none. What computes stays what it is."""

    def pretend(instructions: str | None) -> None:
        found = None if instructions is None else SimpleNamespace(instructions=instructions)
        reason = REASON if found is None else ""
        for name, answer in (("native", found), ("absence", reason)):
            monkeypatch.setattr(library, name, lambda answer=answer: answer)
        monkeypatch.setattr(records, "uses_fourier", lambda network: True)

    return pretend


@pytest.fixture
def stopped(half: Path, tmp_path: Path) -> Callable[[ConvolutionRecord | None], Path]:
    """A copy of it whose recipe says "auto", and whose run.json says this, or nothing, of its convolutions."""

    def make(record: ConvolutionRecord | None) -> Path:
        out = tmp_path / "run"
        shutil.copytree(half, out)
        about = json.loads((out / "run.json").read_text())
        del about["convolutions"], about["digest"]
        if record is not None:
            about["convolutions"] = [record.model_dump()]
        (out / "run.json").write_text(json.dumps(about))
        recipe = out / "resolved.toml"
        recipe.write_text(recipe.read_text().replace('convolution = "dense"', 'convolution = "auto"'))
        return out

    return make


def recorded(path: Path) -> list[dict[str, Any]]:
    return json.loads((path / "run.json").read_text())["convolutions"]


def small(choice: str) -> Discriminator:
    network = Discriminator(DiscriminatorSpec(group="C4", widths=(4, 8)), (1, 8, 8), 2)
    choose_convolution(network, choice)
    return network


def test_an_unknown_choice_is_one_line() -> None:
    with pytest.raises(SteerganError, match="'fast'"):
        choose_convolution(small("dense"), "fast")


def test_kernels_are_recorded_with_their_instructions(kernels: Kernels) -> None:
    kernels("avx2")
    found = convolution_record("auto", "cpu", small("auto"))
    assert (found.path, found.instructions, found.reason) == ("fourier", "avx2", None)
    assert found.line == "convolutions: 0 of 2 on the Fourier path (avx2 kernels)"


@pytest.mark.parametrize(
    ("choice", "device", "instructions", "reason"),
    [
        ("dense", "cpu", "avx512", 'performance.convolution = "dense"'),
        ("auto", "cpu", None, REASON),
        ("auto", "cuda", "avx512", "the kernels compute on the CPU, not on cuda"),
    ],
)
def test_the_dense_path_is_recorded_with_its_reason(
    kernels: Kernels, choice: str, device: str, instructions: str | None, reason: str
) -> None:
    kernels(instructions)
    found = convolution_record(choice, device, small(choice))
    assert (found.path, found.instructions, found.reason) == ("dense", None, reason)
    assert found.line == f"convolutions: dense path ({reason})"


def test_networks_that_cannot_take_the_fourier_path_are_dense() -> None:
    plain = Discriminator(DiscriminatorSpec(group="trivial", widths=(4, 8)), (1, 8, 8), 2)
    choose_convolution(plain, "auto")
    assert "no layer" in str(convolution_record("auto", "cpu", plain).reason)


@pytest.mark.parametrize(
    ("device", "words"),
    [("cpu", (REASON, '"auto" or "dense"', "steergan doctor --build")), ("cuda", ("not on cuda", "--device cpu"))],
)
def test_fourier_is_refused_where_it_cannot_be_had(kernels: Kernels, device: str, words: tuple[str, ...]) -> None:
    kernels(None)
    with pytest.raises(RecipeError) as fault:
        convolution_record("fourier", device, small("dense"))
    message = str(fault.value)
    assert message.startswith('performance.convolution = "fourier" can\'t be had here: ')
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_training_and_planning_refuse_fourier_before_anything_is_made(
    kernels: Kernels, recipe: MakeRecipe, tmp_path: Path
) -> None:
    kernels(None)
    settings = recipe("performance.convolution=fourier")
    with pytest.raises(RecipeError, match=REASON):
        run.train(settings, tmp_path / "run", report=Notes())
    with pytest.raises(RecipeError, match=REASON):
        run.plan(settings)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_says_what_would_compute(kernels: Kernels, recipe: MakeRecipe) -> None:
    kernels(None)
    assert f"\nconvolutions: dense path ({REASON})\n" in run.plan(recipe())
    assert "\nconvolutions: dense path (the kernels compute on the CPU, not on cuda)\n" in run.plan(
        recipe(), device="cuda"
    )


def test_a_finished_run_that_asks_for_fourier_is_not_sampled_without(
    kernels: Kernels, tiny_run: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    text = (copy / "resolved.toml").read_text()
    (copy / "resolved.toml").write_text(text.replace('convolution = "auto"', 'convolution = "fourier"'))
    kernels(None)
    for command in (lambda: run.sample(copy, [0]), lambda: run.evaluate(copy), lambda: run.verify_run(copy)):
        with pytest.raises(RecipeError, match=REASON):
            command()


def test_a_run_records_its_path_from_the_start(half: Path) -> None:
    (only,) = recorded(half)
    assert only == {
        "from_step": 0,
        "choice": "dense",
        "device": "cpu",
        "path": "dense",
        "instructions": None,
        "reason": 'performance.convolution = "dense"',
        "layers": None,
    }


def test_a_training_says_which_path_it_takes(kernels: Kernels, recipe: MakeRecipe, tmp_path: Path) -> None:
    kernels(None)
    told = Notes(stop_after=1)
    run.train(recipe(), tmp_path / "run", report=told)
    assert told.messages[0] == f"{tmp_path / 'run'}: starts"
    assert told.messages[1].startswith("class  name  training  held out\n    0  0           12         8\n")
    assert told.messages[2] == f"convolutions: dense path ({REASON})"
    assert told.messages[3] == "latent: symmetrized, a random element of C4 turns each seed map"


def test_a_run_of_the_fourier_path_is_not_resumed_without_kernels(
    kernels: Kernels, stopped: Callable[[ConvolutionRecord | None], Path]
) -> None:
    out = stopped(FOURIER)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    kernels(None)
    refused = CliRunner().invoke(steergan, ["resume", str(out), "--device", "cpu"])
    assert refused.exit_code == RunError.exit_code
    assert refused.stderr == (
        f"steergan: {out}: was computed by the Fourier path, which is not to be had now ({REASON}); the bits would "
        "differ from here on. Build the kernels (steergan doctor --build), or go on with the dense path: "
        "--switch-convolution\n"
    )
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("before", [DENSE, None], ids=["no kernels then", "an old run.json"])
def test_a_run_of_the_dense_path_is_not_resumed_by_the_fourier_path(
    kernels: Kernels,
    stopped: Callable[[ConvolutionRecord | None], Path],
    before: ConvolutionRecord | None,
) -> None:
    out = stopped(before)
    kernels("avx2")
    with pytest.raises(RunError, match="was computed by the dense path") as fault:
        run.resume(out, report=Notes())
    message = str(fault.value)
    assert "go on by the Fourier path: --switch-convolution" in message
    assert f"steergan train {out}/resolved.toml --out {out} --set performance.convolution=dense" in message
    assert "\n" not in message


def test_the_command_that_a_refusal_names_keeps_the_dense_path(
    kernels: Kernels, stopped: Callable[[ConvolutionRecord | None], Path]
) -> None:
    out = stopped(DENSE)
    kernels("avx512")
    command = f"train {out}/resolved.toml --out {out} --set performance.convolution=dense --device cpu"
    gone_on = CliRunner().invoke(steergan, command.split())
    assert gone_on.exit_code == 0, gone_on.output
    assert recorded(out) == [DENSE.model_dump()]
    assert RunFolder(out).read_recipe().performance.convolution == "dense"


@pytest.mark.parametrize("command", ["resume", "train"])
def test_switching_goes_on_and_is_recorded(
    kernels: Kernels, stopped: Callable[[ConvolutionRecord | None], Path], command: str
) -> None:
    out = stopped(FOURIER)
    kernels(None)
    where = [str(out)] if command == "resume" else [f"{out}/resolved.toml", "--out", str(out)]
    switched = CliRunner().invoke(steergan, [command, *where, "--device", "cpu", "--switch-convolution"])
    assert switched.exit_code == 0, switched.output
    assert f"from step 2 on, convolutions: dense path ({REASON})" in switched.stdout
    assert recorded(out) == [FOURIER.model_dump(), {**DENSE.model_dump(), "from_step": 2}]
    assert (out / "generator.safetensors").exists()


def test_switching_back_is_recorded_too(tmp_path: Path) -> None:
    once, _ = continued(tmp_path, [FOURIER], DENSE, 5, switch=True)
    again, _ = continued(tmp_path, once, FOURIER, 9, switch=True)
    assert [(entry.from_step, entry.path) for entry in again] == [(0, "fourier"), (5, "dense"), (9, "fourier")]
    unchanged, line = continued(tmp_path, once, DENSE, 9, switch=True)
    assert (unchanged, line) == (once, None)


def test_steps_that_are_computed_again_are_recorded_once(tmp_path: Path) -> None:
    past = [FOURIER, DENSE.model_copy(update={"from_step": 5})]
    same, _ = continued(tmp_path, past, DENSE, 5, switch=False)
    assert [entry.from_step for entry in same] == [0, 5]
    back, _ = continued(tmp_path, past, FOURIER, 3, switch=False)
    assert back == (FOURIER,)


def test_other_instructions_go_on_with_a_line_and_are_recorded(tmp_path: Path) -> None:
    now = FOURIER.model_copy(update={"instructions": "avx2"})
    found, line = continued(tmp_path, [FOURIER], now, 7, switch=False)
    assert [(entry.from_step, entry.instructions) for entry in found] == [(0, "avx512"), (7, "avx2")]
    assert line is not None
    assert "avx512 instructions, now with avx2" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (FOURIER.model_copy(update={"choice": "fourier"}), ('"auto", not "fourier"', "performance.convolution=auto")),
        (
            DENSE.model_copy(update={"choice": "dense", "reason": 'performance.convolution = "dense"'}),
            ('performance.convolution = "dense"', "performance.convolution=auto"),
        ),
        (DENSE.model_copy(update={"device": "cuda", "reason": "not on cuda"}), ("not on cuda", "--device cpu")),
    ],
)
def test_every_refusal_says_how_to_stay(tmp_path: Path, now: ConvolutionRecord, words: tuple[str, ...]) -> None:
    with pytest.raises(RunError) as fault:
        continued(tmp_path, [FOURIER], now, 7, switch=False)
    message = str(fault.value)
    assert all(word in message for word in (*words, "--switch-convolution")), message
    assert "\n" not in message


def test_an_accelerator_is_never_asked_for_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking may build them."""

    def asked() -> None:
        raise AssertionError("the kernels were asked for")

    monkeypatch.setattr(library, "native", asked)
    assert convolution_record("auto", torch.device("cuda"), small("auto")).path == "dense"
    assert convolution_record("dense", "cpu", small("dense")).path == "dense"


def test_a_run_whose_kernels_computed_fewer_layers_is_not_resumed_unasked(tmp_path: Path) -> None:
    """A run that was begun when C8's convolutions had no kernels, say."""
    before, now = (FOURIER.model_copy(update={"layers": layers}) for layers in ("2 of 9", "7 of 9"))
    with pytest.raises(RunError) as fault:
        continued(tmp_path, [before], now, 7, switch=False)
    assert "with 2 of 9 convolutions on the Fourier path, not 7 of 9" in str(fault.value)
    switched, line = continued(tmp_path, [before], now, 7, switch=True)
    assert [entry.from_step for entry in switched] == [0, 7]
    assert line is not None
    assert "7 of 9" in line
    assert continued(tmp_path, [before.model_copy(update={"layers": None})], now, 7, switch=False)[1] is None
