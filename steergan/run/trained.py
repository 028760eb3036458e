"""A trained run as one object, for notebooks."""

from collections.abc import Sequence
from itertools import cycle, islice

from torch import Tensor

from steergan.errors import RunError
from steergan.files import AnyPath
from steergan.networks import Discriminator, Generator
from steergan.run.load import LoadedRun, load_run
from steergan.run.sampling import UPRIGHT, checked_classes, images_of
from steergan.run.verifying import verify_run
from steergan.verification import Certificate

AT_ONCE = 32
"""Images that are computed together."""


class Trained:
    """A run's networks as they are evaluated, and what is done with them.

    Args:
        run: what `load_run` gave.

    Attributes:
        run: with its recipe, and what is known of its data.
        class_names: of the labels, in order.

    Examples:
        >>> import tempfile
        >>> import steergan
        >>> from steergan.recipe import read_recipe
        >>> from steergan.run import train
        >>> from steergan.run.reporting import Silence
        >>> small = ["training.steps=1", "evaluation.features=none", "generator.widths=[4]", "generator.upsamplings=1"]
        >>> recipe = read_recipe("steergan:quickstart", [*small, "discriminator.widths=[4]"])
        >>> folder = train(recipe, tempfile.mkdtemp(), report=Silence())
        >>> run = steergan.load(folder)
        >>> run.sample(3, classes=["7", "3"], truncation=0.75, seed=5).shape  # a 7, a 3, a 7
        torch.Size([3, 1, 16, 16])
        >>> run.generator.z_dim
        32
    """

    def __init__(self, run: LoadedRun) -> None:
        self.run = run
        self.class_names = tuple(run.about.data.class_names)

    @property
    def generator(self) -> Generator:
        """The averaged generator, in evaluation mode."""
        return self.run.generator

    @property
    def discriminator(self) -> Discriminator:
        """The discriminator, in evaluation mode."""
        return self.run.discriminator

    def sample(
        self,
        n: int,
        *,
        classes: Sequence[int | str] | int | str | None = None,
        truncation: float = 1.0,
        seed: int = 0,
    ) -> Tensor:
        """Images of latents (and group elements, where the latent is symmetrized) that seeds name.

        Args:
            n: how many.
            classes: labels or names, by turns; None: all.
            truncation: factor on z; below 1 trades variety for typical images.
            seed: of the first image; the others have those that follow. `steergan sample` draws the same ones.

        Returns:
            uint8 (n, C, H, W).

        Raises:
            RunError: no such class, or no images.
        """
        if n < 1:
            raise RunError(f"{n} samples; at least 1 was wanted")
        labels = islice(cycle(self.labels(classes)), n)
        wanted = [(seed + i, label, UPRIGHT) for i, label in enumerate(labels)]
        return images_of(self.generator, wanted, self.run.recipe.generator.latent_law, truncation, AT_ONCE)

    def labels(self, classes: Sequence[int | str] | int | str | None) -> Sequence[int]:
        """Labels of classes that are named, or numbered; all for None.

        Raises:
            RunError: there is no such class.
        """
        if classes is None:
            return range(self.generator.classes)
        wanted = [classes] if isinstance(classes, int | str) else list(classes)
        unknown = [name for name in wanted if isinstance(name, str) and name not in self.class_names]
        if unknown or not wanted:
            came = repr(unknown[0]) if unknown else "no class"
            raise RunError(f"{came} came; the classes are {', '.join(self.class_names)}")
        return checked_classes(
            self.generator, [self.class_names.index(one) if isinstance(one, str) else one for one in wanted]
        )

    def verify(self, *, quick: bool = False) -> list[Certificate]:
        """Certificates of both networks, and of the law of the samples; see `verify_run`.

        Args:
            quick: one size, evaluation mode, no samples.
        """
        return verify_run(self.run, quick=quick)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.run.folder.path)!r}, step {self.run.step})"


def load(path: AnyPath, at: str | int = "last") -> Trained:
    """A run's networks, ready to sample and to be verified.

    Args:
        path: of the run folder.
        at: which of its networks, see `load_run`.

    Raises:
        RunError: no run folder, or nothing saved in it.
    """
    return Trained(load_run(path, at))
