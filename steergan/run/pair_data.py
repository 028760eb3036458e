"""The pairs of a run: at the size that networks take, and at the one that training cuts from."""

from functools import partial

from steergan import data
from steergan.data import ImageSet, Prepared
from steergan.errors import DataError, RecipeError
from steergan.recipe import DataSettings, TranslationRecipe
from steergan.run.load import RunPairs
from steergan.run.reporting import Reporter, stage_before_training
from steergan.translation import PairSet


def load_pairs(recipe: TranslationRecipe, data_path: str | None, report: Reporter) -> RunPairs:
    """The pairs that a recipe names, prepared first where they have not been.

    Raises:
        RecipeError: data without pairs, or a size to cut from that is no larger than what is cut.
        DataError: as `steergan.data.prepare`.
    """
    settings = recipe.data if data_path is None else recipe.data.model_copy(update={"path": data_path})
    check_pairs(settings)
    progress = partial(stage_before_training, report, f"preparing {settings.name}")
    prepared = data.prepare(settings, progress)
    channels = int(prepared.manifest["inputs"])
    found = {split: PairSet(data.take(prepared, settings, split), channels) for split in ("train", "held_out")}
    enlarged = None
    if settings.load_size:
        larger = settings.model_copy(update={"size": settings.load_size})
        also: Prepared = data.prepare(larger, progress)
        enlarged = PairSet(same_pairs(data.take(also, larger, "train"), found["train"].pairs), channels)
    return RunPairs(
        found["train"],
        found["held_out"],
        PairSet(prepared.splits["train"], channels),
        data.account_of(prepared, settings),
        prepared.manifest.get("example", ""),
        enlarged,
    )


def check_pairs(settings: DataSettings) -> None:
    """Refuse data that has no pairs, and sizes that contradict each other.

    Raises:
        RecipeError: so it is.
    """
    if not settings.paired:
        raise RecipeError(f"data.name = {settings.name!r}: no pairs of images; pairs, relief or stain were wanted")
    if settings.disk:
        raise RecipeError("data.disk = true: pairs are translated as a whole; leave it out")
    if settings.load_size and not 0 < settings.size < settings.load_size:
        raise RecipeError(
            f"data.load_size = {settings.load_size} with data.size = {settings.size}: pairs are cut from larger ones; "
            f"a data.size from 1 to {settings.load_size - 1} was wanted"
        )


def same_pairs(larger: ImageSet, pairs: ImageSet) -> ImageSet:
    """The larger ones, if there are as many.

    Raises:
        DataError: there are not.
    """
    if len(larger) != len(pairs):
        raise DataError(f"{len(larger)} pairs at data.load_size and {len(pairs)} at data.size; they must be the same")
    return larger
