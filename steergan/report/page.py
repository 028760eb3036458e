"""The page: its parts gathered, one template filled, one file written whole."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from steergan import __version__
from steergan.errors import RunError, SteerganError, escaped, reason
from steergan.files import write_error, write_whole
from steergan.recipe import Recipe, TranslationRecipe
from steergan.report.claims import TRANSLATES, measured_difference, views
from steergan.report.drawn import angles, paths, reals, samples, training, truncation
from steergan.report.facts import commands, data_facts, recipe_facts, speed_facts, symmetry_facts
from steergan.report.figures import curves, metrics
from steergan.report.neighbours import is_quick, neighbours
from steergan.report.study_page import study_parts
from steergan.report.translated import translations, turned_difference
from steergan.run.data_symmetry import kept_symmetry, measure_symmetry
from steergan.run.folder import RunFolder
from steergan.run.load import LoadedRun, LoadedTranslation, load_any_run
from steergan.run.reporting import Reporter, Silence
from steergan.run.tasks import data_of
from steergan.run.transfer import groups_of
from steergan.run.verifying import latent_records, verify_pair, verify_translation, with_law
from steergan.verification import Certificate
from steergan.verification.subject import untold

MOST_CHARACTERS = 2_000_000
"""Of a page; its pictures have budgets that leave room for the rest."""


@dataclass(frozen=True)
class Wish:
    """What a page is to show.

    Args:
        at: which of the run's networks, see `steergan.run.load_run`.
        neighbours: look for the training images that are nearest to samples; None: where that takes seconds.
        against: a recipe with which the run's is compared; None: the one that it extends, see `recipe_facts`.
        data_path: where the originals are now; None: where they were.
        symmetry: test which symmetry the training images have, and keep the answer, which later pages show, too.
    """

    at: str | int = "last"
    neighbours: bool | None = None
    against: Recipe | TranslationRecipe | None = None
    data_path: str | None = None
    symmetry: bool = False


AS_USUAL = Wish()
"""A page of the last networks."""


@dataclass(frozen=True)
class Page:
    """A page, and what it does without.

    Attributes:
        html: the whole text.
        problems: a line for each part that can't be shown, as the page says it, too.
        damaged: whether a file that is there could not be read.
    """

    html: str
    problems: tuple[str, ...]
    damaged: bool = False


def write_report(
    path: Path, out: Path | None = None, wish: Wish = AS_USUAL, report: Reporter | None = None
) -> tuple[Path, Page]:
    """Write a run, or a study, as one HTML file that needs no other; whole or not at all.

    Args:
        path: of the run folder, or of a study's.
        out: the file; None: report.html in the folder.
        wish: what it is to show.
        report: hears of what takes a while; None: nobody does.

    Returns:
        The file, and what is in it.

    Raises:
        SteerganError: neither a run nor a study, or a damaged one; or the file can't be written.
    """
    page = report_page(path, wish, report)
    target = out if out is not None else path / "report.html"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(target, error) from None
    write_whole(target, page.html.encode())
    return target, page


def report_page(path: Path, wish: Wish = AS_USUAL, report: Reporter | None = None) -> Page:
    """A run, or a study, as one page.

    Args:
        path: of the run folder, or of a study's.
        wish: what it is to show.
        report: hears of what takes a while; None: nobody does.

    Raises:
        SteerganError: neither a run nor a study, or a damaged one.
    """
    parts = Parts()
    if (path / "study.json").is_file():
        content = {"template": "study.html.j2", **study_parts(path, parts.problems)}
    else:
        content = run_parts(path, wish, report or Silence(), parts)
    template = content["template"]
    html = (
        templates().get_template(template).render(content, problems=parts.problems, version=__version__, path=str(path))
    )
    if len(html) > MOST_CHARACTERS:
        raise RunError(
            f"{path}: its page would have {len(html):,} characters, more than {MOST_CHARACTERS:,}; please report"
        )
    expected = {"pairs"} if wish.neighbours else {"neighbours", "pairs"}  # of data that are somewhere else by now
    expected |= set() if RunFolder(path).drawable else {"networks"}
    return Page(html, tuple(parts.problems.values()), bool(parts.problems.keys() - expected))


class Parts:
    """Parts of a page, each made or replaced by a line that says why not."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}

    def make(self, name: str, part: Callable[[], Any]) -> Any:
        """What the part gives; None where its files are damaged or missing."""
        try:
            return part()
        except SteerganError as error:
            self.problems[name] = str(error)
        except (OSError, KeyError, TypeError, ValueError) as error:
            self.problems[name] = f"{name} can't be shown: {type(error).__name__}, {reason(error)}"
        return None


def run_parts(path: Path, wish: Wish, report: Reporter, parts: Parts) -> dict[str, Any]:
    """Everything that the template of a run asks for."""
    folder = RunFolder(path)
    recipe, about = folder.read_recipe(), folder.read_about()
    shape, names = about.data.image_shape, about.data.class_names
    run: LoadedRun | LoadedTranslation | None = parts.make("networks", lambda: load_any_run(path, wish.at))
    found: dict[str, Any] = {"certificates": None, "certificate": None, "difference": None}
    if isinstance(recipe, TranslationRecipe):
        found |= translation_parts(run if isinstance(run, LoadedTranslation) else None, wish, report, parts)
        latent = TRANSLATES
    else:
        found |= drawing_parts(run if isinstance(run, LoadedRun) else None, wish, report, parts)
        latent = recipe.generator.latent
    if run is not None:
        loaded = run
        certificates = parts.make("certificates", lambda: certificates_of(loaded))
        found["certificate"] = certificates[-1] if certificates else None
        found["certificates"] = certificates and [as_table(one) for one in certificates]
    report.stage("report", 4, 5)
    if wish.symmetry:
        parts.make("symmetry", lambda: measure_symmetry(path, data_path=wish.data_path, report=report))
    found |= {
        "name": escaped(recipe.name),
        "recipe": recipe,
        "groups": list(dict.fromkeys(groups_of(recipe))),
        "shape": shape,
        "finished": folder.finished,
        "step": None if run is None else run.step,
        "steps": recipe.training.steps,
        "views": views(found["certificate"], latent),
        "metrics": parts.make("metrics", lambda: metrics(folder)),
        "curves": parts.make("curves", lambda: curves(folder)),
        "training": parts.make("training", lambda: training(folder, shape, names)),
        "reals": parts.make("reals", lambda: reals(folder, shape, names)),
        "changes": parts.make("recipe", lambda: recipe_facts(recipe, about.sources, wish.against)),
        "data": parts.make("data", lambda: data_facts(recipe, about)),
        "symmetry": parts.make("symmetry", lambda: symmetry_facts(kept_symmetry(folder), recipe.generator.group)),
        "speed": parts.make("speed", lambda: speed_facts(folder, recipe, about)),
        "commands": commands(path, recipe, about),
    }
    report.stage("report", 5, 5)
    return found


def sections(first: str, *latents: str) -> list[tuple[str, str]]:
    """Ids and titles of a page's sections: what is drawn, and what of latents there is."""
    middle = ["Training", "Figures", "Curves", *latents, "Certificate", "Recipe", "Data", "Machine"]
    ids = {"Figures": "metrics"}
    return [("samples", first), *((ids.get(title, title.lower()), title) for title in middle)]


def drawing_parts(run: LoadedRun | None, wish: Wish, report: Reporter, parts: Parts) -> dict[str, Any]:
    """Of a run that draws images from latents, if it has networks: what they draw."""
    found: dict[str, Any] = dict.fromkeys(("samples", "truncation", "angles", "paths", "neighbours"))
    found |= {"template": "run.html.j2", "sections": sections("Samples", "Paths", "Neighbours")}
    if run is None:
        return found
    report.stage("report", 0, 5)
    found["samples"] = parts.make("samples", lambda: samples(run))
    found["truncation"] = parts.make("truncation", lambda: truncation(run))
    report.stage("report", 1, 5)
    found["angles"] = parts.make("angles", lambda: angles(run))
    found["paths"] = parts.make("paths", lambda: paths(run))
    report.stage("report", 2, 5)
    if wish.neighbours or (wish.neighbours is None and is_quick(run)):
        found["neighbours"] = parts.make("neighbours", lambda: neighbours(run, wish.data_path, report))
    found["difference"] = parts.make("difference", lambda: measured_difference(run, [0, 1]))
    report.stage("report", 3, 5)
    return found


def translation_parts(run: LoadedTranslation | None, wish: Wish, report: Reporter, parts: Parts) -> dict[str, Any]:
    """Of a run that translates images, if it has networks: what held-out inputs become.

    Raises:
        RunError: something was wished for that there is not of such a run.
    """
    if wish.neighbours:
        raise RunError("--neighbours: this run translates images, and what one should be near is its own output")
    if wish.symmetry:
        raise RunError("--symmetry: is tested of single images, and this run has pairs; leave it out")
    found: dict[str, Any] = {
        "samples": None, "template": "translation.html.j2", "sections": sections("Translations")
    }  # fmt: skip
    if run is None:
        return found
    report.stage("report", 0, 5)
    pairs = parts.make("pairs", lambda: data_of(run, wish.data_path, report).held_out)
    if pairs is not None:
        found["samples"] = parts.make("samples", lambda: translations(run, pairs))
        report.stage("report", 2, 5)
        found["difference"] = parts.make("difference", lambda: turned_difference(run, pairs))
    return found


def certificates_of(run: LoadedRun | LoadedTranslation) -> list[Certificate]:
    """Of both networks, quickly: the sizes and mode that the page shows, no samples, nothing between quarter turns."""
    if isinstance(run, LoadedTranslation):
        return verify_translation(run.recipe, run.generator, run.discriminator, 6, True, untold)
    found = verify_pair(run.recipe, run.generator, run.discriminator, 6, True, untold)
    return with_law(found, latent_records(run.generator))


def as_table(certificate: Certificate) -> dict[str, Any]:
    """A certificate for the template."""
    counts = ", ".join(f"{count} {kind}" for kind, count in certificate.counts().items())
    return {**certificate.as_dict(), "counts": counts}


@cache
def templates() -> Environment:
    """Our templates, which escape whatever a run says."""
    environment = Environment(
        loader=PackageLoader("steergan.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["escaped"] = escaped
    return environment
