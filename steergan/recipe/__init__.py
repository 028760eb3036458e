"""What a recipe may say; reading one, resolving `extends`, overriding keys, writing it back."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, Field, ValidationError

from steergan.errors import RecipeError
from steergan.recipe.data import DataSettings as DataSettings
from steergan.recipe.data import Section
from steergan.recipe.fields import DiscriminatorGroup, FieldSettings, GeneratorGroup
from steergan.recipe.performance import PerformanceSettings as PerformanceSettings

Initialization = Literal["orthogonal", "normal"]
"""Orthogonal, the paper's default, or N(0, 0.02) as in C.2.4."""
Widths = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1, strict=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class GeneratorSettings(FieldSettings):
    """The generator: latent and label -> seed map -> group convolutions -> image."""

    group: GeneratorGroup = "C4"
    architecture: Literal["plain", "residual"] = "plain"
    """Stages of one convolution each (RotMNIST), or pre-activation residual blocks (the other data sets)."""
    latent: Literal["dense", "symmetrized", "steerable"] = "symmetrized"
    """A plain vector; one whose seed map is turned by a random element; or a field that the group acts on, with which
    the picture turns."""
    latent_law: Literal["normal", "bernoulli"] = "normal"
    z_dim: Annotated[int, Field(ge=1)] = 64
    embedding_dim: Annotated[int, Field(ge=1)] = 64
    seed_width: Annotated[int, Field(ge=1)] = 128
    """Channels of the seed map, trivial fields (steerable: hidden fields in place of so many)."""
    widths: Widths = (512, 256, 128)
    """Channels of a plain CNN, one entry per convolution before the last, or per residual block; the group gets
    width / sqrt(|G|) fields, off the grid as many as have the same number of weights."""
    upsamplings: Annotated[int, Field(ge=0)] = 2
    """How many of the stages or blocks, from the first, upsample by 2."""
    spectral_norm: bool = True
    initialization: Initialization = "orthogonal"


class DiscriminatorSettings(FieldSettings):
    """The discriminator: image -> group convolutions and pools -> group pooling -> projection with the label."""

    group: DiscriminatorGroup = "C4"
    architecture: Literal["plain", "residual"] = "plain"
    widths: Widths = (128, 256, 512)
    """Channels of a plain CNN, one entry per convolution or residual block."""
    downsample: Annotated[tuple[bool, ...], Field(strict=False)] = ()
    """Whether each stage or block ends in a pool by 2; empty: all do."""
    pool: Literal["average", "max"] = "average"
    pooling: Literal["exact", "paper"] = "exact"
    """`exact`: odd maps are pooled by 3x3, stride 2, padding 1. `paper`: 7 -> 3 drops a row and a column, which breaks
    the symmetry."""
    batch_norm: bool = False
    """In front of every ReLU of the stages or blocks (LYSTO)."""
    group_pool: Literal["end", "before-last-block"] = "end"
    """Where the group's maximum is taken: what follows is a plain CNN, which sees the pose of an image."""
    plain_width: Annotated[int, Field(ge=0)] = 0
    """Filters of one plain 3x3 convolution after the group pooling; 0: none."""
    global_pool: Literal["average", "sum"] = "average"
    spectral_norm: bool = True
    initialization: Initialization = "orthogonal"

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of every block; a single one stands for all."""
        return (self.group,) if isinstance(self.group, str) else self.group


class LossSettings(Section):
    """The objective and its gradient penalties."""

    name: Literal["non-saturating", "wasserstein", "relativistic-average", "hinge"] = "relativistic-average"
    r1_weight: NonNegative = 0.1
    """gamma in gamma / 2 E ||grad D(real)||^2; 0 for none."""
    wgan_gp_weight: NonNegative = 0.0


class AugmentationSettings(Section):
    """What images go through on their way into the discriminator, and what it learns from that; by default nothing."""

    group: Literal["C2", "C4", "D1", "D2", "D4"] = "C4"
    """Of the transforms of `standard` and of consistency: 90-degree rotations and reflections."""
    standard: bool = False
    """Real images, and only they, are moved by a random element."""
    consistency_real: NonNegative = 0.0
    """Weight of E (D(T real) - D(real))^2 (bCR)."""
    consistency_fake: NonNegative = 0.0
    rotation_discriminator: NonNegative = 0.0
    """Weight of guessing by which quarter turns real images were rotated (1.0 in the source)."""
    rotation_generator: NonNegative = 0.0
    """Weight of D's guesses about generated images in the generator's loss (0.2 in the source)."""
    adaptive_target: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Mean sign of D on real images at which the probability of `transforms` stays; 0: no transforms (0.6 in the
    source)."""
    adaptive_images: Annotated[int, Field(ge=1)] = 500_000
    """Real images over which that probability can move by 1."""
    transforms: Annotated[tuple[Literal["translation", "scaling", "colour", "cutout"], ...], Field(strict=False)] = (
        "translation",
        "scaling",
        "colour",
    )
    """What adaptive augmentation applies, to real and generated images: nothing that a group contains."""


class TrainingSettings(Section):
    """Optimisation; every figure that changes the weights stands here."""

    steps: Annotated[int, Field(ge=1)] = 20_000
    """Generator steps."""
    batch_size: Annotated[int, Field(ge=2)] = 64
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Parts of a batch that go through the networks one after another, for batches that don't fit; batch norms see one
    part at a time, or else the result is that of one piece."""
    seed: Annotated[int, Field(ge=0)] = 0
    discriminator_updates: Annotated[int, Field(ge=1)] = 2
    generator_rate: Positive = 1e-4
    discriminator_rate: Positive = 4e-4
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.0
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.9
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    ema_start: Annotated[int, Field(ge=0)] = 0
    """Until this generator step the average is a copy."""
    ema_rampup: Annotated[float, Field(ge=0)] = 0.05
    """The averaging horizon never exceeds this share of the steps since `ema_start`; 0: constant decay (the paper)."""
    ema_batch_norm: Literal["copy", "reestimate"] = "reestimate"
    """Batch-norm moments of the averaged generator: the trained one's, or measured anew with the averaged weights."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 1000


class EvaluationSettings(Section):
    """When the averaged generator is measured, on how much, with which features."""

    every: Annotated[int, Field(ge=1)] = 1000
    """Generator steps between evaluations and sample grids."""
    samples: Annotated[int, Field(ge=16)] = 10_000
    """Generated images, and at most as many held-out real ones."""
    features: str = "auto"
    """`auto`, `rotmnist` (shipped), `inception`, `classifier` (trained on the run's own data), a .safetensors file of
    `steergan features train`, or inception-2015-12-05.pt."""


class Recipe(Section):
    """A whole experiment."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    data: DataSettings
    generator: GeneratorSettings = GeneratorSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    loss: LossSettings = LossSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    training: TrainingSettings = TrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    performance: PerformanceSettings = PerformanceSettings()


def read_recipe(path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a TOML file, with `extends` resolved and `KEY=VALUE` overrides applied.

    Args:
        path: a TOML file; `extends = "other.toml"` in it names a recipe, relative to the file, whose keys it inherits.
        overrides: `section.key=value` each; the value is TOML (`[64, 32]`, `0.1`, `true`) or else a plain string.

    Raises:
        RecipeError: no such file, not TOML, an unknown key, a wrong type or value, a circle of `extends`.
    """
    table = read_table(Path(path))
    for override in overrides:
        table = merge(table, override_table(override))
    return validate(table, str(path))


def write_recipe(recipe: Recipe) -> str:
    """The recipe as TOML with every key spelled out; `read_recipe` of it gives the same recipe."""
    return tomli_w.dumps(recipe.model_dump(mode="json"))


def recipe_keys(model: type[BaseModel] = Recipe, prefix: str = "") -> Iterator[str]:
    """Every key that a recipe may set, dotted."""
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from recipe_keys(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def read_table(path: Path, below: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A TOML file as a table, over the tables that it extends."""
    if path.resolve() in below:
        raise RecipeError(f"{path}: extends itself through {' -> '.join(p.name for p in below)}; remove one `extends`")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such recipe; recipes are TOML files, see recipes/quickstart.toml") from None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}); a recipe is a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not TOML: {error}") from None
    base = table.pop("extends", None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise RecipeError(f"{path}: extends = {base!r}; a path in quotes was wanted, such as \"../rotmnist.toml\"")
    return merge(read_table(path.parent / base, (*below, path.resolve())), table)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, table by table."""
    merged = dict(below)
    for key, value in above.items():
        nested = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if nested else value
    return merged


def override_table(override: str) -> dict[str, Any]:
    """`section.key=value` as a nested table."""
    key, separator, text = override.partition("=")
    key = key.strip()
    if not separator or not key:
        raise RecipeError(f"--set {override!r}: KEY=VALUE was wanted, such as training.steps=500")
    if key not in set(recipe_keys()):
        raise RecipeError(f"--set {override}: unknown key {key}{nearest(key)}")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    if not isinstance(value, str) and is_text(key):
        value = text.strip()  # a folder may be called 2024
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def is_text(key: str) -> bool:
    """Whether a key's value is any string: a name or a path, not a group."""
    section, _, name = key.rpartition(".")
    model = Recipe.model_fields[section].annotation if section else Recipe
    return model is not None and model.model_fields[name].annotation is str and name != "group"


def validate(table: Mapping[str, Any], source: str) -> Recipe:
    """The table as a recipe, or one line about its first fault."""
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        raise RecipeError(f"{source}: unknown key {key}{nearest(key)}")
    if fault["type"] == "missing":
        raise RecipeError(f"{source}: key {key} is missing; it has no default")
    wanted = fault["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    raise RecipeError(f"{source}: {key} = {fault['input']!r}; wanted: {wanted}")


def nearest(key: str) -> str:
    """A hint at the valid key or section that was probably meant."""
    keys = list(recipe_keys())
    outermost = list(dict.fromkeys(k.partition(".")[0] for k in keys))
    section, _, name = key.rpartition(".")
    if section not in outermost:
        section = "".join(difflib.get_close_matches(section, outermost, n=1))
    valid = [k for k in keys if k.startswith(f"{section}.")] if section else outermost
    for known in (valid, keys):
        meant = {k.rpartition(".")[2]: k for k in known}
        if close := difflib.get_close_matches(name, meant, n=1):
            return f"; did you mean {meant[close[0]]}?"
    return f"; valid {'keys' if section else 'keys and sections'}: {', '.join(valid)}"
