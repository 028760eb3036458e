"""What a recipe may say: its sections, key by key."""

from typing import Annotated, Literal

from pydantic import Field

from steergan.recipe.data import AnySource
from steergan.recipe.fields import DiscriminatorGroup, FieldSettings, GeneratorGroup
from steergan.recipe.performance import PerformanceSettings
from steergan.section import Section

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
    data: Annotated[AnySource, Field(discriminator="name")]
    generator: GeneratorSettings = GeneratorSettings()
    discriminator: DiscriminatorSettings = DiscriminatorSettings()
    loss: LossSettings = LossSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    training: TrainingSettings = TrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    performance: PerformanceSettings = PerformanceSettings()
