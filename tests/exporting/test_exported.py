"""`steergan.export`: the same function, its symmetry, and files that need nothing of ours."""

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from escnn import nn as enn
from torch import nn

import steergan
from steergan.errors import RunError
from steergan.exporting import ExportError, Wish, export, export_part
from steergan.exporting import exported as module
from steergan.exporting.baking import bake
from steergan.exporting.network_parts import part_of_run, trunk_part
from steergan.seals import read_table
from steergan.symmetry import gspace, regular_type, trivial_type
from tests.exporting.models import IMAGE, REGULAR, Wrapped, discriminator, generator, small_model
from tests.thorough import also

ALONE = """
import sys, importlib.abc
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("escnn", "steergan"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocked())
import torch
pickled = torch.load(sys.argv[1] + "/torch/generator.pt", weights_only=False)
sys.path.insert(0, sys.argv[1] + "/hub")
from model import load
given = torch.load(sys.argv[1] + "/given.pt")
torch.save([pickled(*given), load()(*given)], sys.argv[1] + "/found.pt")
"""
"""A process that has neither escnn nor steergan."""


def test_files_need_neither_escnn_nor_steergan(tmp_path: Path) -> None:
    network = generator()
    part = part_of_run("generator", network, discriminator())
    for to in ("torch", "hub"):
        export_part(part, Wish(to, out=tmp_path / to))
    given = part.examples(5, 7)
    torch.save(given, tmp_path / "given.pt")
    done = subprocess.run([sys.executable, "-c", ALONE, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for found in torch.load(tmp_path / "found.pt"):
        with torch.no_grad():
            torch.testing.assert_close(found, network(*given), rtol=1e-5, atol=1e-5)
    card = (tmp_path / "hub" / "README.md").read_text()
    assert "To be filled in" in card
    assert "same bits" in card


def test_report_says_what_was_measured(tmp_path: Path) -> None:
    found = export(small_model(), 9, batch=2, out=tmp_path / "out")
    assert found.path == tmp_path / "out"
    report = read_table(tmp_path / "out" / "export.json")  # and its digest is right
    assert report == json.loads(json.dumps(found.report))
    assert report["certificate"]["verdict"] == "proved"
    assert report["inputs"] == [{"name": "x", "shape": [2, 1, 9, 9], "dtype": "float32"}]
    assert report["measured"]["float32"]["difference"] < 1e-5
    assert report["measured"]["float32"]["symmetry"] < 1e-5
    assert "can't be run" in report["float64"]  # GroupPooling returns float32
    assert report["graph"]["folded_norms"] == 1
    assert set(report["files"]) == {"Wrapped.pt"}


@pytest.mark.parametrize(
    ("name", "latent", "group"),
    [
        ("generator", "symmetrized", "C4"), ("discriminator", "auto", "SO2"), ("generator", "steerable", "SO2"),
        *also(("generator", "steerable", "C4"), ("synthesis", "symmetrized", "C4"), ("trunk", "auto", "C4")),
    ],
)  # fmt: skip
def test_parts_of_runs_turn_as_they_claim(name: str, latent: str, group: str) -> None:
    part = part_of_run(name, generator(latent if name != "discriminator" else "auto", group), discriminator(group))
    measured = export_part(part, Wish()).report["measured"]
    assert part.claim
    assert measured["float64"]["difference"] < 1e-12
    assert measured["float64"]["symmetry"] < 1e-12
    assert measured["float32"]["symmetry"] < 1e-5


def test_attention_leaves_and_turns_as_it_did() -> None:
    attention: dict[str, Any] = {"attention": (False, True), "attention_scores": "oriented", "attention_biases": True}
    network = generator(widths=(16, 16), **attention)
    layers = network.synthesis.attention
    assert layers is not None
    for parameter in layers.parameters():
        torch.nn.init.normal_(parameter)
    measured = export_part(part_of_run("generator", network, discriminator()), Wish()).report["measured"]
    assert measured["float64"]["difference"] < 1e-12
    assert measured["float64"]["symmetry"] < 1e-12


def test_onnx_runtime_computes_the_same() -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    found = export_part(part_of_run("generator", generator(), discriminator()), Wish("onnx")).report
    assert found["measured"]["onnxruntime"]["difference"] < 1e-5
    assert found["measured"]["onnxruntime"]["symmetry"] < 1e-5
    assert found["graph"]["opset"] == 20
    assert found["graph"]["nodes"] < 60


def test_what_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def wrong(*given: Any) -> Any:
        baked = bake(*given)
        with torch.no_grad():
            baked.module.get_submodule("head").weight.mul_(1.001)
        return baked

    monkeypatch.setattr(module, "bake", wrong)
    with pytest.raises(ExportError, match="computes something else in float32"):
        export(small_model(), 9, out=tmp_path / "out", certify=False)
    assert not list(tmp_path.iterdir())


def test_export_is_written_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = small_model()
    export(model, 9, out=tmp_path / "out", certify=False)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("steergan.files.os.rename", full)
    with pytest.raises(RunError, match="No space left"):
        export(model, 9, batch=1, out=tmp_path / "out", certify=False)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_older_export_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    model = small_model()
    for batch in (1, 2):
        export(model, 9, batch=batch, out=tmp_path / "out", certify=False)
    assert read_table(tmp_path / "out" / "export.json")["inputs"][0]["shape"][0] == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(RunError, match="not empty, and no export"):
        export(model, 9, out=tmp_path / "mine", certify=False)
    with pytest.raises(RunError, match="is a file"):
        export(model, 9, out=tmp_path / "mine" / "thesis.tex", certify=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"to": "tensorflow"}, "one of torch, onnx"), ({"batch": 0}, "from 1 on"), ({"batch": "many"}, "or 'any'")],
)
def test_bad_wishes_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ExportError, match=words):
        steergan.export(small_model(), 9, **options)


@pytest.mark.parametrize("images", [2, 8, 16])
def test_scores_that_depend_on_the_batch_want_one(images: int) -> None:
    part = part_of_run("discriminator", generator(), discriminator(minibatch_deviation=images))
    with pytest.raises(ExportError, match=f"compares {images} images with one another.*fix it with --batch"):
        export_part(part, Wish())
    assert export_part(part, Wish(batch=4)).report["measured"]["float32"]["difference"] < 1e-5


def test_a_forward_that_takes_few_images_otherwise_than_many_wants_a_number_of_them() -> None:
    class Few(nn.Module):
        """Compares images with one another in sets of up to 32."""

        def __init__(self) -> None:
            super().__init__()
            self.model = small_model()
            self.in_type = self.model.in_type

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores = self.model(x)
            return scores - scores[: min(len(scores), 32)].mean()

    with pytest.raises(ExportError, match=r"for 67 images at once.*depends on the number of images; fix it with"):
        export(Few(), 9, certify=False)


def test_model_stays_as_it_was() -> None:
    model: nn.Module = small_model().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    export(model, 9, certify=False)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_model_whose_symmetry_is_broken_leaves_with_a_warning() -> None:
    class Slanted(Wrapped):
        """Brighter to the right before its pooling."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x * torch.linspace(0, 1, x.shape[-1]))

    torch.manual_seed(0)
    model = Slanted(enn.R2Conv(IMAGE, REGULAR, 3), enn.ReLU(REGULAR), enn.GroupPooling(REGULAR)).eval()
    with pytest.warns(UserWarning, match="what is exported is not symmetric: .*NOT invariant"):
        found = export(model, 9)
    assert found.report["certificate"]["verdict"] == "broken"


class Plain(nn.Module):
    """Maps of D4 that come out as plain tensors, by themselves or beside a number that the group leaves alone."""

    def __init__(self, *, bias: bool = False, beside: bool = False, typed: bool = False, stated: bool = True) -> None:
        super().__init__()
        space = gspace("D4")
        hidden, out = regular_type(space, 2), regular_type(space, 1)
        self.in_type = trivial_type(space, 1)
        self.body = enn.SequentialModule(
            enn.R2Conv(self.in_type, hidden, 3, padding=1), enn.ReLU(hidden), enn.R2Conv(hidden, out, 3, padding=1)
        )
        self.bias, self.beside, self.typed = torch.arange(8.0)[:, None, None] * bias, beside, typed
        if stated:
            self.out_type = out

    def forward(self, x: torch.Tensor) -> Any:
        y = self.body(enn.GeometricTensor(x, self.in_type))
        found = y.tensor + self.bias.to(x)
        if self.typed:
            return enn.GeometricTensor(found, y.type)
        return {"map": found, "mean": found.mean((1, 2, 3))[:, None]} if self.beside else found


@pytest.mark.parametrize(
    "form", [{}, {"stated": False}, {"typed": True, "stated": False}, {"beside": True, "stated": False}], ids=str
)
def test_symmetry_is_measured_however_a_result_comes(form: dict[str, bool]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = export(Plain(**form), 6, certify=False).report
    assert found["claim"] == "f(g x) = g f(x)"
    for one in found["measured"].values():
        assert one["symmetry"] < 1e-6
    with pytest.warns(UserWarning, match=r"what is exported is not symmetric: measured, .* is off by"):
        broken = export(Plain(bias=True, **form), 6, certify=False).report
    assert all(one["symmetry"] > 0.01 for one in broken["measured"].values())


def test_nothing_is_claimed_of_what_nothing_was_measured() -> None:
    part = trunk_part(discriminator(group=("C4", "trivial")))
    assert not part.motions
    assert export_part(part, Wish()).report["claim"] == ""
