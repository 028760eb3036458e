"""A part of a run, exported with what is known of the run; or a module that a function returns."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

from torch import nn

from steergan import __version__
from steergan.errors import RecipeError
from steergan.exporting import Export, ExportError, Wish, export_part
from steergan.exporting.exported import asymmetry, certified, checked_batch, require_own
from steergan.exporting.network_parts import part_of_run
from steergan.exporting.parts import model_part, part_of_subject
from steergan.recipe import TranslationRecipe
from steergan.run.folder import RunFolder
from steergan.run.load import LoadedRun, LoadedTranslation, load_any_run
from steergan.run.subjects import discriminator_subject, generator_subject, synthesis_subject
from steergan.run.transfer import groups_of
from steergan.run.translation_subjects import judge_subject, translator_subject
from steergan.run.verifying import called
from steergan.training import JsonLines
from steergan.translation import PairJudge, Translator
from steergan.verification import Subject
from steergan.verification.claims import About

FIGURES = ("l1", "psnr", "ssim", "frechet_invariant", "kid", "precision", "recall", "label_agreement")


def export_run(
    path: str | os.PathLike[str],
    *,
    to: str = "torch",
    part: str = "generator",
    batch: int | str = "any",
    out: str | os.PathLike[str] | None = None,
    at: str | int = "last",
) -> Export:
    """A part of a run as plain torch, ONNX, a program of torch.export, or a folder for a hub, proved the same.

    Args:
        path: of the run folder.
        to: "torch", "onnx", "torch-export" or "hub".
        part: "generator", "discriminator", "synthesis" (seed map -> image) or "trunk" (image -> feature map); of a run
            that translates images the first two.
        batch: images at once, or "any".
        out: the folder to write; None: RUN/exports/PART-TARGET.
        at: which of the run's networks, see `load_run`.

    Raises:
        RunError: no run, nothing saved in it, or the folder is another's.
        ExportError: the layer that can't be exported, and why; a part that there is not.
    """
    run = load_any_run(Path(path), at)
    target = run.folder.path / "exports" / f"{part}-{to}" if out is None else Path(out)
    wish = Wish(to, checked_batch(batch), target, about(run))
    require_own(target)
    if isinstance(run, LoadedTranslation):
        subject = translation_subject(run.recipe, run.generator, run.discriminator, part)
        return export_part(part_of_subject(subject, subject.sizes[0]), wish, certified(subject))
    exported = part_of_run(part, run.generator, run.discriminator)
    return export_part(exported, wish, certificate(run, part))


def export_function(
    target: str,
    *,
    size: int | None = None,
    to: str = "torch",
    batch: int | str = "any",
    out: str | os.PathLike[str] | None = None,
    certify: bool = True,
    **known: Unpack[About],
) -> Export:
    """The module that `package.module:function` or `file.py:function` returns, exported as a part of a run is.

    Args:
        target: see `verify_function`; a function that returns one escnn module, or one `Subject`.
        size: side of its input in pixels; None: one that it accepts.
        to: "torch", "onnx", "torch-export" or "hub".
        batch: images at once, or "any".
        out: the folder to write; None: exports/FUNCTION-TARGET in the current folder.
        certify: verify the symmetry, for the report.
        known: what is to be known of the module, as `steergan.verification.verify` takes it.

    Raises:
        RecipeError: it can't be imported, or fails, or returns something else, or a `Subject`, of which no more can be
            said than it says.
        ExportError: the layer that can't be exported, and why; or the folder is another's.
        SubjectError: the module can't be run, or its field type is not known.
    """
    path, function = default_folder(target, to) if out is None else Path(out), function_name(target)
    wish = Wish(to, checked_batch(batch), path, {"title": function})
    require_own(path)
    made = called(target)
    said = About(**{name: value for name, value in known.items() if value})  # type: ignore[typeddict-item]
    if isinstance(made, Subject):
        if said or size:
            raise RecipeError(f"{target} returned a Subject, which says its size, types and claim itself")
        part, subject = part_of_subject(made, made.sizes[0]), made
    elif isinstance(made, nn.Module):
        part, subject = model_part(made, size, said)
    else:
        raise RecipeError(f"{target} returned {made!r:.40}; an escnn module was wanted")
    part = replace(part, name=function)
    return export_part(part, wish, certified(subject) if certify and not subject.missing else None)


def default_folder(target: str, to: str) -> Path:
    """Where an exported module goes if nobody says it: exports/FUNCTION-TO in the current folder."""
    return Path("exports", f"{function_name(target)}-{to}")


def function_name(target: str) -> str:
    """Of package.module:function."""
    return target.rpartition(":")[2]


def translation_subject(recipe: TranslationRecipe, translator: Translator, judge: PairJudge, part: str) -> Subject:
    """A network of a translation, by the name of its part, with its claim, in evaluation mode at its size.

    Raises:
        ExportError: there is no such part.
    """
    if part == "generator":
        return translator_subject(recipe, translator, quick=True)
    if part == "discriminator":
        return judge_subject(judge, quick=True)
    raise ExportError(f"part {part!r} of a run that translates images; generator or discriminator was wanted")


def certificate(run: LoadedRun, part: str) -> dict[str, str] | None:
    """Verdict and sentence about a part, in evaluation mode at its size; None where nothing is claimed of it."""
    subject: Subject
    if part in ("discriminator", "trunk"):
        if run.discriminator.trunk.restrictions:
            return None
        subject = discriminator_subject(run.recipe, run.discriminator, quick=True)
    elif run.generator.latent_type is not None:
        subject = generator_subject(run.generator)
    else:
        subject = synthesis_subject(run.recipe, run.generator, quick=True)
    return certified(subject)


def about(run: LoadedRun | LoadedTranslation) -> dict[str, Any]:
    """What the report and the card say of the run."""
    recipe, known = run.recipe, run.about.data
    figures = figures_at(run.folder, run.step)
    translates = isinstance(run, LoadedTranslation)
    pairs = f"{known.train.images:,} training pairs, {recipe.data.name}."
    return {
        "title": f"{recipe.name}, " + ("an image translator" if translates else "a generative adversarial network"),
        "words": (
            f"Trained by steergan {__version__} from the recipe {recipe.name!r} for {run.step} steps; generator of "
            f"group {recipe.generator.group}, discriminator of {', '.join(dict.fromkeys(groups_of(recipe)))}."
        ),
        "recipe": recipe.name,
        "step": run.step,
        "image_shape": list(known.image_shape),
        "classes": list(known.class_names),
        "data": pairs
        if translates
        else f"{known.train.images:,} training images of {len(known.class_names)} classes, {recipe.data.name}.",
        "metrics": metric_words(figures),
        "figures": figures,
    }


def figures_at(folder: RunFolder, step: int) -> dict[str, Any]:
    """The newest row of every metric file about the networks of a step, with its protocol and floor."""
    found: dict[str, Any] = {}
    for key in ("pairs", "frechet", "kid", "precision-recall", "label-agreement"):
        rows = [row for row in JsonLines(folder.metric(key)).rows() if row.get("step") == step]
        found |= rows[-1] if rows else {}
    return {name: value for name, value in found.items() if isinstance(value, str | int | float | bool | None)}


def metric_words(figures: Mapping[str, Any]) -> str:
    """The figures beside their floors, and the protocol that they hold under."""
    lines = []
    for name in FIGURES:
        value, floor = figures.get(name), figures.get(f"floor_{name}")
        if isinstance(value, int | float):
            beside = f" (real against real: {floor:.4g})" if isinstance(floor, int | float) else ""
            lines.append(f"- {name.replace('_', ' ')}: {value:.4g}{beside}")
    if not lines:
        return "None were recorded."
    protocol = {
        name: value for name, value in figures.items()
        if name not in FIGURES and not name.startswith(("floor", "scrambled")) and value is not None
    }  # fmt: skip
    return "\n".join(
        [*lines, "", "Protocol: " + ", ".join(f"{name} {value}" for name, value in protocol.items()) + "."]
    )


def summary(export: Export) -> list[str]:
    """Lines for whoever asked: what was written, how near it is, and what its symmetry is worth."""
    report = export.report
    measured = [
        f"{name}: off by {one['difference']:.1e}"
        + ("" if one["symmetry"] is None else f", symmetry {one['symmetry']:.1e}")
        for name, one in report["measured"].items()
    ]
    lines = [
        f"{report['part']} in {export.path}: {', '.join(report['files'])}, {report['graph']['nodes']} nodes, "
        f"{report['bytes'] / 1e6:.1f} MB",
        "against the original on 32 seeded inputs, of the largest output: " + "; ".join(measured),
        report["bits"]["sentence"],
    ]
    if report["certificate"] is not None:
        lines.append(report["certificate"]["sentence"])
    elif why := asymmetry(report):
        lines.append(f"what is exported is not symmetric: {why}")
    return lines


__all__ = ["Export", "ExportError", "export_function", "export_run", "summary"]
