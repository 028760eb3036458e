"""What a recipe may say: its sections, key by key."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, PrivateAttr, field_validator
from pydantic_core import PydanticCustomError

from steergan.networks import (
    AnyDiscriminator,
    AnyGenerator,
    DiscriminatorSpec,
    GeneratorSpec,
    PatchDiscriminatorSpec,
    UNetSpec,
)
from steergan.networks.hidden_fields import HiddenFields
from steergan.recipe.data import AnySource
from steergan.recipe.performance import PerformanceSettings
from steergan.recipe.sources import Source, Sources
from steergan.section import Section

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
TransformName = Literal[
    "translation", "scaling", "colour", "cutout", "flip", "quarter-turns", "rotation", "anisotropic-scaling",
    "fractional-translation", "luma-flip", "hue", "filter", "noise",
]  # fmt: skip
"""What adaptive augmentation can do to images."""


class LossSettings(Section):
    """The objective and its penalties."""

    name: Literal["non-saturating", "wasserstein", "relativistic-average", "relativistic-pairing", "hinge"] = (
        "relativistic-average"
    )
    """What both players minimise."""
    r1_weight: NonNegative = 0.1
    """gamma in gamma / 2 E ||grad D(real)||^2; 0 for none."""
    r2_weight: NonNegative = 0.0
    """gamma in gamma / 2 E ||grad D(generated)||^2; 0 for none."""
    wgan_gp_weight: NonNegative = 0.0
    """Of (||grad D|| - 1)^2 between real and generated images; 0 for none."""
    penalty_every: Annotated[int, Field(ge=1)] = 1
    """Every so many updates of the discriminator have these penalties, so many times as strong."""
    discriminator_weight: Positive = 1.0
    """Of the discriminator's loss, beside its penalties (0.5 in Pix2Pix)."""
    reconstruction_weight: NonNegative = 0.0
    """Of the mean absolute difference between a translated image and the one that belongs to its input, in the
    generator's loss; 0 for none (100 in Pix2Pix)."""
    orthogonal_weight: NonNegative = 0.0
    """beta in beta times the squared products of different rows of each of the generator's layers, free weights as a
    matrix with a row for each output field (BigGAN: 1e-4); 0 for none."""


class AugmentationSettings(Section):
    """What images go through on their way into the discriminator, and what it learns from that; by default nothing."""

    group: Literal["C2", "C4", "D1", "D2", "D4"] = "C4"
    """Of the transforms of `standard` and of consistency: 90-degree rotations and reflections."""
    standard: bool = False
    """Real images, and only they, are moved by a random element."""
    consistency_real: NonNegative = 0.0
    """Weight of E (D(T real) - D(real))^2 (bCR)."""
    consistency_fake: NonNegative = 0.0
    """Weight of the same on generated images."""
    rotation_discriminator: NonNegative = 0.0
    """Weight of guessing by which quarter turns real images were rotated (1.0 in the source)."""
    rotation_generator: NonNegative = 0.0
    """Weight of D's guesses about generated images in the generator's loss (0.2 in the source)."""
    adaptive_target: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Mean over real images of sign(D(real) - mean D(generated)) at which the probability of `transforms` stays; 0: no
    transforms (0.6 in the source, of sign(D(real)))."""
    adaptive_images: Annotated[int, Field(ge=1)] = 500_000
    """Real images over which that probability can move by 1."""
    transforms: Annotated[tuple[TransformName, ...], Field(strict=False)] = ("translation", "scaling", "colour")
    """What adaptive augmentation applies, to real and generated images. Flips are left-right; rotations are by any
    angle; filters make octaves of frequencies stronger or weaker. What the discriminator's group contains does
    nothing, and training says so first."""


class TrainingSettings(Section):
    """Optimisation; every figure that changes the weights stands here."""

    steps: Annotated[int, Field(ge=1)] = 20_000
    """Generator steps."""
    batch_size: Annotated[int, Field(ge=1)] = 64
    """Images of an update, real ones and as many generated ones."""
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Parts of a batch that go through the networks one after another, for batches that don't fit; batch norms see one
    part at a time, or else the result is that of one piece."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the initial weights and of everything that training draws."""
    discriminator_updates: Annotated[int, Field(ge=1)] = 2
    """Updates of the discriminator in a step, before that of the generator."""
    generator_rate: Positive = 1e-4
    """Adam's rate of the generator."""
    discriminator_rate: Positive = 4e-4
    """Adam's rate of the discriminator."""
    rate_decay: Literal["none", "linear", "cosine"] = "none"
    """How both rates fall to 0, which they reach behind the last step: not, along a line, or along half a wave."""
    rate_decay_start: Annotated[float, Field(ge=0, lt=1)] = 0.5
    """Share of the steps after which they begin to fall."""
    beta1: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Adam's decay of the mean of gradients."""
    beta2: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Adam's decay of the mean of their squares."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.9999
    """Of the averaged generator, a step."""
    ema_start: Annotated[int, Field(ge=0)] = 0
    """Until this generator step the average is a copy."""
    ema_rampup: Annotated[float, Field(ge=0)] = 0.05
    """The averaging horizon never exceeds this share of the steps since `ema_start`; 0: constant decay (the paper)."""
    ema_batch_norm: Literal["copy", "reestimate"] = "reestimate"
    """Batch-norm moments of the averaged generator: the trained one's, or measured anew with the averaged weights."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 1000
    """Generator steps between checkpoints."""


class EvaluationSettings(Section):
    """When the averaged generator is measured, on how much, with which features."""

    every: Annotated[int, Field(ge=1)] = 1000
    """Generator steps between evaluations and sample grids."""
    samples: Annotated[int, Field(ge=16)] = 10_000
    """Generated images, and at most as many held-out real ones."""
    features: str = "auto"
    """What images are compared by: `auto` (the shipped network where `data.name` is one of theirs, else `inception`
    where its network is found, else `classifier` where there are several classes, else `scattering`), `rotmnist` or
    `digits` (shipped, for these data), `inception`, `classifier` (trained on the run's own data), `scattering` (a
    texture metric, without weights), a .safetensors file of `steergan features train`, inception-2015-12-05.pt, or
    `none`: samples are drawn, and nothing is measured."""
    symmetrize: Literal["none", "C2", "C4", "D1", "D2", "D4"] = "none"
    """A group of which a uniformly drawn element moves every generated image that is measured (`steergan.symmetrize`):
    what a reviewer compares an equivariant generator with. Training and `steergan sample` know nothing of it."""
    resize: Literal["clean", "tf", "pytorch"] = "clean"
    """How images get to Inception's 299 pixels: as clean-fid (bicubic, antialiased), as TensorFlow 1, whose bilinear
    way the paper's FIDs used, or as pytorch-fid. Figures of different ways are not compared."""
    classifier_updates: Annotated[int, Field(ge=0)] = 0
    """Of the run's own classifier, where one is trained; 0: two passes over the images, but 300 updates at least and
    1,000 at most."""


class LoggingSettings(Section):
    """Who is told how training goes, beside the run's folder, which holds all of it; no bit of a run depends on it."""

    to: Annotated[tuple[Literal["tensorboard", "wandb", "trackio"], ...], Field(strict=False)] = ()
    """Programs that get every row of stats.jsonl and of the metric files, and the sample grids; each is a package of
    that name (`pip install tensorboard`). A run may go on with others."""


class AnyRecipe(Section):
    """What every experiment says: the keys of both kinds, in their order."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Of the run's folder."""
    data: Annotated[AnySource, Field(discriminator="name")]
    generator: HiddenFields
    discriminator: HiddenFields
    loss: LossSettings = LossSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    training: TrainingSettings = TrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    performance: PerformanceSettings = PerformanceSettings()
    logging: LoggingSettings = LoggingSettings()
    _sources: Sources = PrivateAttr(default=Sources())

    @property
    def sources(self) -> tuple[Source, ...]:
        """The files that it was read from: its own, the one which that extends, and so on; no part of what it says."""
        return self._sources.files

    def read_from(self, sources: Sequence[Source]) -> Self:
        """A recipe that says what this one says, and knows its files."""
        read = self.model_copy()
        read._sources = Sources(tuple(sources))
        return read


class Recipe(AnyRecipe):
    """A whole experiment: a generator draws images from latents."""

    generator: AnyGenerator = GeneratorSpec()
    discriminator: AnyDiscriminator = DiscriminatorSpec()

    @field_validator("loss")
    @classmethod
    def compares_no_pairs(cls, value: LossSettings) -> LossSettings:
        """No image belongs to a latent, so none can be reconstructed."""
        if value.reconstruction_weight:
            raise PydanticCustomError("loss", "reconstruction_weight = 0, as no image belongs to a latent")
        return value


class TranslationRecipe(AnyRecipe):
    """An experiment with pairs of images: a generator translates the first of a pair into the second."""

    generator: UNetSpec = UNetSpec()
    discriminator: PatchDiscriminatorSpec = PatchDiscriminatorSpec()

    @field_validator("augmentation")
    @classmethod
    def augments_nothing(cls, value: AugmentationSettings) -> AugmentationSettings:
        """What it does to an image it would have to do to the input, too."""
        if value != AugmentationSettings():
            wanted = "nothing, as it moves outputs without inputs; data.moves moves pairs"
            raise PydanticCustomError("augmentation", wanted)
        return value

    @field_validator("evaluation")
    @classmethod
    def symmetrizes_nothing(cls, value: EvaluationSettings) -> EvaluationSettings:
        """Samples may be turned at random; translations belong to inputs."""
        if value.symmetrize != "none":
            raise PydanticCustomError("symmetrize", 'symmetrize = "none", as translations belong to inputs as they lie')
        return value
