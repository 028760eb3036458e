"""Exports: a model baked, proved the same, and written whole or not at all."""

import hashlib
import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import torch
from torch import fx, nn

from steergan import files
from steergan.errors import one_line
from steergan.exporting.baking import Baked, bake
from steergan.exporting.bits import compare_bits
from steergan.exporting.hub import as_hub, card
from steergan.exporting.parts import Part, model_part
from steergan.exporting.recorder import ExportError
from steergan.exporting.sameness import (
    ALLOWED,
    INPUTS,
    at_once,
    compared,
    first_tensor,
    in_evaluation,
    measure,
    require_same,
)
from steergan.exporting.targets import TARGETS, Made, as_onnx, as_torch, as_torch_export, node_count, onnx_runner
from steergan.seals import sealed
from steergan.verification import Subject, verify_subject
from steergan.verification.claims import About
from steergan.verification.subject import Size

REPORT = "export.json"
MAKERS: dict[str, Callable[[Part, Baked, int], Made]] = {
    "torch": as_torch,
    "onnx": as_onnx,
    "torch-export": as_torch_export,
    "hub": as_hub,
}


@dataclass(frozen=True)
class Export:
    """What was exported.

    Attributes:
        module: plain torch, in evaluation mode: it needs neither escnn nor steergan.
        report: what export.json says.
        path: the folder, where one was written.
    """

    module: fx.GraphModule
    report: dict[str, Any]
    path: Path | None = None


@dataclass(frozen=True)
class Wish:
    """How something is to be exported.

    Attributes:
        to: one of `TARGETS`.
        batch: images at once; 0: any number.
        out: the folder to write, new or an older export; None: nothing is written.
        about: what else the report says, and the files that go with it.
        inputs: how many seeded ones are compared.
    """

    to: str = "torch"
    batch: int = 0
    out: Path | None = None
    about: Mapping[str, Any] | None = None
    inputs: int = INPUTS

    def __post_init__(self) -> None:
        if self.to not in TARGETS:
            raise ExportError(f"export to {self.to!r}; one of {', '.join(TARGETS)} was wanted")
        if not isinstance(self.batch, int) or self.batch < 0:
            raise ExportError(f"a batch of {self.batch!r}; a number of images, or 'any', was wanted")


def export(
    model: nn.Module,
    size: int | Size | None = None,
    *,
    to: str = "torch",
    batch: int | str = "any",
    out: str | os.PathLike[str] | None = None,
    certify: bool = True,
    **about: Unpack[About],
) -> Export:
    """Any escnn model as plain torch, ONNX, a program of torch.export, or a folder for a hub of models.

    Filters become constants, spectral norms are divided out, and batch norms behind convolutions folded into them. It
    is compared with the model on 32 seeded inputs in float32 and float64, in ONNX Runtime too where that is installed;
    where the group permutes pixels, equal entries of filters are compared bit by bit, and the symmetry is measured.

    Args:
        model: any torch module with escnn's or our layers; it is left as it is.
        size: side, or (H, W), of its input in pixels; None: one that it accepts.
        to: "torch", "onnx", "torch-export" or "hub".
        batch: images at once, or "any".
        out: the folder to write; None: nothing is written.
        certify: verify the model's symmetry, for the report. Where it is broken a warning says so, without this where
            the measured error is more than rounding.
        about: what is to be known of the model, as `steergan.verification.verify` takes it.

    Raises:
        ExportError: the layer that can't be exported, and why; or the folder is another's.
        SubjectError: the model can't be run, or its field type is not known.

    Examples:
        >>> from escnn import nn as enn
        >>> from steergan.symmetry import gspace, regular_type, trivial_type
        >>> image, fields = trivial_type(gspace("C4"), 1), regular_type(gspace("C4"), 2)
        >>> model = enn.SequentialModule(enn.R2Conv(image, fields, 3), enn.ReLU(fields), enn.GroupPooling(fields))
        >>> found = export(model.eval(), 9, certify=False)
        >>> found.module(torch.zeros(1, 1, 9, 9)).shape
        torch.Size([1, 2, 7, 7])
        >>> found.report["bits"]["wrong"]
        []
    """
    wish = Wish(to, checked_batch(batch), None if out is None else Path(out))
    if wish.out is not None:
        require_own(wish.out)
    part, subject = model_part(model, size if size is None or isinstance(size, int) else [size], about)
    certificate = certified(subject) if certify and not subject.missing else None
    found = export_part(part, wish, certificate)
    why = asymmetry(found.report)
    if why:  # it leaves as it is, but nobody should think that its symmetry holds
        warnings.warn(f"what is exported is not symmetric: {why}", stacklevel=2)
    return found


def asymmetry(report: Mapping[str, Any]) -> str:
    """Why what was exported is not symmetric, by its certificate or the measured error; empty where it is."""
    certificate, measured = report["certificate"], report["measured"].values()
    if certificate is not None and certificate["verdict"] == "broken":
        return one_line(certificate["sentence"])
    off = max((one["symmetry"] or 0.0 for one in measured), default=0.0)
    if off <= ALLOWED["float32"]:
        return ""
    return f"measured, {report['claim']} is off by {off:.2g} of the largest output."


def certified(subject: Subject) -> dict[str, str]:
    """Verdict and sentence about what is exported: in evaluation mode, and at elements of the grid."""
    found = verify_subject(subject, modes=("evaluation",), off_grid=False)
    return {"verdict": found.verdict, "sentence": found.sentence}


def checked_batch(batch: int | str) -> int:
    """The number of images, 0 for "any".

    Raises:
        ExportError: something else.
    """
    if batch == "any":
        return 0
    if isinstance(batch, int) and not isinstance(batch, bool) and batch > 0:
        return batch
    raise ExportError(f"a batch of {batch!r}; a number of images from 1 on, or 'any', was wanted")


def export_part(part: Part, wish: Wish, certificate: Mapping[str, str] | None = None) -> Export:
    """Bake a part, compare it, and write it.

    Args:
        part: what is exported.
        wish: how.
        certificate: its verdict and sentence.

    Raises:
        ExportError: see `export`.
    """
    start = time.perf_counter()

    def examples(images: int) -> list[torch.Tensor]:
        return [x.double() if x.is_floating_point() else x for x in part.examples(images, 0)]

    baked = bake(part.module, part.call, examples, part.names, wish.batch)
    many = wish.batch or at_once(part)
    measured = compared(part, baked, wish.batch, wish.inputs)
    bits = compare_bits(part.module, baked)
    if bits.wrong:
        raise ExportError(f"{part.name}: {bits.sentence} Please report this; nothing was written")
    made = MAKERS[wish.to](part, baked, wish.batch)
    graph = next((content for name, content in made.files.items() if name.endswith(".onnx")), None)
    run = None if graph is None else onnx_runner(graph)
    if run is not None:
        original = in_evaluation(part, torch.float32)
        measured["onnxruntime"] = measure(
            run, lambda given: first_tensor(part.call(original, *given)), part, torch.float32, many, wish.inputs
        )
        require_same("onnxruntime", measured["onnxruntime"])
    shapes = [(name, x) for name, x in zip(part.names, part.examples(wish.batch or 2, 0), strict=True)]
    report: dict[str, Any] = {
        "part": part.name,
        "to": wish.to,
        **(wish.about or {}),
        "inputs": [
            {
                "name": name,
                "shape": [wish.batch or "batch", *x.shape[1:]] if x.dim() else [],
                "dtype": str(x.dtype).removeprefix("torch."),
            }
            for name, x in shapes
        ],
        "output": part.output,
        "graph": {
            "nodes": made.nodes,
            "baked_nodes": node_count(baked),
            "folded_norms": len(baked.folded),
            **made.facts,
        },
        "certificate": None if certificate is None else dict(certificate),
        "bits": {"banks": bits.banks, "entries": bits.entries, "wrong": list(bits.wrong), "sentence": bits.sentence},
        "claim": part.claim if part.motions else "",
        "inputs_compared": wish.inputs,
        "measured": {name: one.record() for name, one in measured.items()},
        **({} if "float64" in measured else {"float64": "the model itself can't be run in float64"}),
        "seconds": round(time.perf_counter() - start, 2),
        "bytes": sum(len(content) for content in made.files.values()),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in made.files.items()},
    }
    if wish.to == "hub":
        made.files["README.md"] = card(report, wish.about or {}).encode()
        report["files"]["README.md"] = hashlib.sha256(made.files["README.md"]).hexdigest()
    if wish.out is not None:
        write_folder(wish.out, made.files, report)
    return Export(baked.module, report, wish.out)


def require_own(path: Path) -> None:
    """Refuse to write where something else than an older export is.

    Raises:
        RunError: there is.
    """
    files.require_own(path, REPORT, "export")


def write_folder(path: Path, contents: Mapping[str, bytes], report: Mapping[str, Any]) -> None:
    """Write an export whole, in the place of an older one if there is one, or not at all.

    Raises:
        RunError: it can't be written.
    """
    require_own(path)
    files.write_folder(path, {**contents, REPORT: files.json_bytes(sealed(report))})
