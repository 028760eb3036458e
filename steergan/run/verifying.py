"""Certificates of a recipe's networks, or of a run's."""

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Unpack

import torch

from steergan import data
from steergan.errors import RecipeError
from steergan.files import AnyPath, expanded
from steergan.invariance.features import sample_features
from steergan.invariance.samples import MeasuredLaw, SampleLaw, latent_claim, sample_law
from steergan.metrics import SHIPPED
from steergan.networks import Discriminator, Generator
from steergan.recipe import Recipe, TranslationRecipe
from steergan.run.build import build_discriminator, build_generator, build_translation, kind_from
from steergan.run.load import LoadedRun, LoadedTranslation, load_any_run
from steergan.run.subjects import network_subjects
from steergan.run.translation_subjects import translation_subjects
from steergan.translation import PairJudge, Translator
from steergan.verification import (
    MODES,
    About,
    Certificate,
    Finding,
    Record,
    Subject,
    broken,
    exact,
    verify_subject,
)
from steergan.verification.claims import make_subject
from steergan.verification.rehearsal import failure_words
from steergan.verification.subject import Claim, Tell, untold


def verify_run(
    path: AnyPath | LoadedRun | LoadedTranslation,
    *,
    level: int = 6,
    quick: bool = False,
    tell: Tell = untold,
    at: str | int = "last",
) -> list[Certificate]:
    """Both networks of a run, with the averaged generator's weights; and the law of its samples, if it draws any.

    Args:
        path: of the run folder, or what `load_run` or `load_translation` gave.
        level: the last one to check.
        quick: one size, evaluation mode, nothing between the angles of the grid.
        tell: told what is being checked.
        at: which of the run's networks, see `load_run`.

    Raises:
        RunError: no run, or nothing trained in it.
    """
    run = load_any_run(path, at)
    if isinstance(run, LoadedTranslation):
        return verify_translation(run.recipe, run.generator, run.discriminator, level, quick, tell)
    certificates = verify_pair(run.recipe, run.generator, run.discriminator, level, quick, tell)
    if level < 5:
        return certificates
    if not quick:
        tell("law of the samples")
    return with_law(certificates, latent_records(run.generator) if quick else law_records(law_of_samples(run)))


def verify_recipe(
    recipe: Recipe | TranslationRecipe,
    *,
    data_path: str | None = None,
    level: int = 6,
    quick: bool = False,
    tell: Tell = untold,
) -> list[Certificate]:
    """The networks that a recipe would train, with their first weights; for images that are not there see `pair_kind`.

    Raises:
        SteerganError: the data, which decides about sizes, can't be found; sizes that don't suit the group.
    """
    settings = recipe.data if data_path is None else recipe.data.model_copy(update={"path": data_path})
    if isinstance(recipe, TranslationRecipe):
        kind = kind_from(*data.pair_kind(settings))
        return verify_translation(recipe, *build_translation(recipe, kind), level, quick, tell)
    image_shape, classes = data.image_kind(settings)
    generator = build_generator(recipe, image_shape, classes)
    discriminator = build_discriminator(recipe, image_shape, classes)
    certificates = verify_pair(recipe, generator, discriminator, level, quick, tell)
    return certificates if level < 5 else with_law(certificates, latent_records(generator))


class Asked(About, total=False):
    """What `verify_function` may be told of the modules that a function returns, beside their sizes.

    Attributes:
        claim: "equivariant" or "invariant".

    Example:
        >>> Asked(claim="invariant", upto="pool")["claim"]
        'invariant'
    """

    claim: Claim | None


def verify_function(
    target: str,
    *,
    level: int = 6,
    quick: bool = False,
    sizes: Sequence[int] | None = None,
    modes: Sequence[str] = (),
    tell: Tell = untold,
    **asked: Unpack[Asked],
) -> list[Certificate]:
    """The module that `package.module:function` returns; found from the current folder and PYTHONPATH.

    The function takes no argument and returns an escnn module, a `Subject`, or a list of either.

    Args:
        target: what to import and call; or a module, by its name.
        level: the last one to check.
        quick: one size, evaluation mode, nothing between the angles of the grid.
        sizes: sides in pixels.
        modes: "evaluation", "training"; none: both.
        tell: told what is being checked.
        asked: what else is to be known of a module, as of `verify`, and the claim.

    Raises:
        RecipeError: it can't be imported, or fails, or returns something else, or a `Subject`, of which no more can be
            asked than it says.
    """
    made = called(target)
    modes = modes or (MODES[:1] if quick else MODES)
    said = {name: value for name, value in asked.items() if value}
    claim: Claim | None = asked.get("claim")
    about = About(**{name: value for name, value in said.items() if name != "claim"})  # type: ignore[typeddict-item]
    found = []
    for thing in made if isinstance(made, list | tuple) else [made]:
        if isinstance(thing, Subject):
            if said:
                named = ", ".join(said)
                raise RecipeError(f"{target} returned a Subject, which says its claim itself; leave out {named}")
            found.append(verify_subject(thing, level=level, modes=modes, off_grid=not quick, tell=tell))
        elif isinstance(thing, torch.nn.Module):
            subject = make_subject(thing, sizes, claim, **about)
            if quick:
                subject = replace(subject, sizes=subject.sizes[:1])
            found.append(verify_subject(subject, level=level, modes=modes, off_grid=not quick, tell=tell))
        else:
            raise RecipeError(f"{target} returned {thing!r:.40}; an escnn module or a Subject was wanted")
    return found


def called(target: str) -> Any:
    """What `package.module:function` or `folder/file.py:function` returns."""
    module_name, _, function_name = target.rpartition(":")
    folder = os.getcwd()
    if module_name.endswith(".py"):
        file = expanded(module_name).resolve()
        if not file.is_file():
            raise RecipeError(f"{target}: no such file; name one that has a function which returns a module")
        folder, module_name = str(file.parent), file.stem
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise RecipeError(f"{target}: {module_name} can't be imported ({failure_words(error)})") from error
    function = getattr(module, function_name, None)
    if not callable(function):
        raise RecipeError(f"{target}: {module_name} has no function {function_name!r}; name one that returns a module")
    if isinstance(function, torch.nn.Module):
        return function
    try:
        return function()
    except Exception as error:
        raise RecipeError(f"{target}: {function_name}() failed ({failure_words(error)})") from error


def verify_pair(
    recipe: Recipe,
    generator: Generator,
    discriminator: Discriminator,
    level: int,
    quick: bool,
    tell: Tell,
) -> list[Certificate]:
    """What is claimed of both networks, levels up to `level`."""
    modes: Sequence[str] = MODES[:1] if quick else MODES
    found = []
    for subject, note in network_subjects(recipe, generator, discriminator, quick):
        certificate = verify_subject(subject, level=level, modes=modes, off_grid=not quick, tell=tell)
        found.append(certificate if certificate.verdict == "no claim" else certificate.with_records(note=note))
    return found


def verify_translation(
    recipe: TranslationRecipe, translator: Translator, judge: PairJudge, level: int, quick: bool, tell: Tell
) -> list[Certificate]:
    """What is claimed of the networks of a translation, levels up to `level`."""
    modes: Sequence[str] = MODES[:1] if quick else MODES
    return [
        verify_subject(subject, level=level, modes=modes, off_grid=not quick, tell=tell)
        for subject in translation_subjects(recipe, translator, judge, quick)
    ]


def with_law(certificates: Sequence[Certificate], rows: Sequence[Record]) -> list[Certificate]:
    """The generator's certificate, the last one, with the rows about the law of its samples."""
    return [*certificates[:-1], certificates[-1].with_records(*rows)]


def law_records(law: SampleLaw) -> list[Record]:
    """Rows of level 5: why, and what was measured for each element."""
    if law.kind is None:
        return []
    if law.proof is not None and not law.proof.holds:
        finding = broken("a uniform element has to leave the law of the seed map as it is", law.argument)
    elif law.kind == "exact":
        finding = exact(law.argument)
    elif law.kind == "bounded":
        finding = Finding("bounded", "holds", law.argument)
    else:
        finding = Finding("measured", "no claim", law.argument)
    rows = [Record(5, "law of the samples", finding, layer=f"latent = {law.latent}")]
    return [*rows, *measured_records(law.measured)] if law.measured is not None else rows


def measured_records(law: MeasuredLaw) -> list[Record]:
    """Rows of level 5: what was measured for each element, the identity last."""
    rows = []
    for test in (*law.elements, law.control):
        words = (
            f"squared MMD {test.mmd2:.3g}, {test.effect:.1f} standard deviations of its permutations, "
            f"p = {test.adjusted_p_value:.3g} (Holm), {law.count} against {law.count} on {law.features}"
        )
        rows.append(Record(5, test.element, Finding("measured", "no claim", words, test.mmd2), layer="samples"))
    return rows


def law_of_samples(run: LoadedRun, *, samples: int = 1000, permutations: int = 999) -> SampleLaw:
    """The law of a run's samples, compared in the features that measure the run.

    Args:
        run: it stays as it is.
        samples: images in both halves together.
        permutations: of each test.

    Raises:
        DataError: too few samples or permutations.
    """
    name, recipe = run.recipe.evaluation.features, run.recipe
    if name == "auto" and recipe.data.name in SHIPPED:
        name = recipe.data.name
    return sample_law(
        run.generator,
        sample_features(name, run.generator.image_shape, run.folder.classifier),
        law=recipe.generator.latent_law,
        seed=recipe.training.seed,
        samples=samples,
        permutations=permutations,
    )


def latent_records(generator: Generator) -> list[Record]:
    """Row of level 5 for what no sample is needed for: the latent's own law."""
    claim = latent_claim(generator)
    if claim.proof is None:
        claim = replace(claim, argument=f"{claim.argument} No samples were drawn.")
    return law_records(claim)
