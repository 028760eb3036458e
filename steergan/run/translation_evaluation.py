"""Measuring a run's translator: how near held-out outputs it comes, pair by pair, and as a distribution."""

from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from steergan.errors import RunError
from steergan.layers import shared_filters
from steergan.metrics import Features, Measurement, Protocol, extract, kernel_distance
from steergan.metrics.distances import subset
from steergan.metrics.frechet import Array
from steergan.metrics.images import Chosen
from steergan.metrics.kernel import blocked_kernel_distance
from steergan.metrics.measurement import measured
from steergan.metrics.paired import SSIM_PROTOCOL, paired_figures
from steergan.pixels import to_uint8, to_unit
from steergan.randomness import torch_stream
from steergan.recipe import TranslationRecipe
from steergan.run.evaluation import RENDERED_PIXELS, Evaluation, averaging
from steergan.run.figures_in_words import paired_words
from steergan.run.folder import RunFolder
from steergan.run.load import RunPairs
from steergan.run.nearest_images import Neighbours
from steergan.run.reporting import Reporter
from steergan.symmetry.actions import act, action_table
from steergan.training import Generator, JsonLines, draw_latents
from steergan.translation import moved_pairs

LAW = "held-out inputs, each once"
TRIED = 16
"""Held-out inputs that the error of equivariance is measured on, under every element."""
PAIRED = ("l1", "psnr", "ssim")
BLOCK = 1024
"""Images of a block of the kernel distance as the paper's implementation has it, at most."""


class TranslationEvaluation(Evaluation):
    """The real side of a translator's measurements, made once, and the rows that were measured.

    Held-out pairs are measured as they are and, each under one of the other elements of D4 by turns, again: what the
    turned ones lose is what a network doesn't know of the symmetry. `metric-pairs.jsonl` has these rows; the other
    files are as of any run.

    Args:
        recipe: of the run.
        images: its pairs.
        folder: where metric files lie.
        device: where images are translated and features computed.
        report: is told what takes a while.
    """

    def __init__(
        self, recipe: TranslationRecipe, images: RunPairs, folder: RunFolder, device: torch.device, report: Reporter
    ) -> None:
        self.rows_used = subset(len(images.held_out), recipe.evaluation.samples, 0, "held-out")
        self.real_pairs = images
        super().__init__(cast(Any, recipe), cast(Any, images), folder, device, report)
        self.pairs = JsonLines(folder.metric("pairs"))
        moved, self.group = moved_pairs(images.held_out, self.rows_used)
        channels = images.held_out.channels
        self.moved_inputs, self.moved_truth = moved[:, :channels], moved[:, channels:]
        self.paired: dict[str, Any] = {}
        """What the last measurement found, pair by pair."""

    def conditions(self) -> Tensor:
        """The inputs that are translated, uint8 (N, C, H, W)."""
        held_out = self.real_pairs.held_out
        return torch.from_numpy(np.ascontiguousarray(held_out.labels[self.rows_used]))

    def protocol(self) -> Protocol:
        """How translators are measured."""
        return averaging(self.recipe, LAW)

    @cached_property
    def truth(self) -> NDArray[np.uint8]:
        """What the inputs should become, uint8 (N, C, H, W)."""
        return self.real_pairs.held_out.images[self.rows_used]

    @property
    def measures(self) -> bool:
        """Pairs are compared whatever the features."""
        return True

    @property
    def sees(self) -> bool:
        """Whether features are compared, too."""
        return self.recipe.evaluation.features != "none"

    def prepare(self) -> None:
        """Make the real side now, if there are features."""
        if self.sees:
            _ = self.reference
        else:
            self.report.message('evaluation.features = "none": pairs are compared pixel by pixel, and nothing else is')

    def draw(self, generator: Generator) -> Tensor:
        """The held-out inputs, translated, uint8 (N, C, H, W); and beside them, kept here, what else is measured."""
        drawn = self.translations(generator, self.labels)
        moved = self.translations(generator, torch.from_numpy(self.moved_inputs))
        self.paired = {
            **paired_figures(drawn.numpy(), self.truth).record(),
            **paired_figures(moved.numpy(), self.moved_truth).record("turned_"),
            "equivariance_error": self.equivariance_error(generator),
            "turned_group": self.group,
            "ssim_protocol": SSIM_PROTOCOL,
        }
        if self.sees:
            fake = extract(self.reference.extractor, moved)
            self.paired["turned_kid"] = self.kernel(self.moved_features, fake)
        return drawn

    @cached_property
    def moved_features(self) -> Features[Array]:
        """Of what the moved inputs should become."""
        return extract(self.reference.extractor, Chosen(self.moved_truth, np.arange(len(self.moved_truth))))

    def kernel(self, real: Features[Array], fake: Features[Array]) -> float:
        """The kernel distance, by our protocol."""
        protocol = self.reference.protocol
        sizes = {"subsets": protocol.kid_subsets, "subset_size": protocol.kid_subset_size}
        return kernel_distance(real.invariant, fake.invariant, seed=protocol.seed, **sizes)

    @torch.no_grad()
    def translations(self, generator: Generator, inputs: Tensor) -> Tensor:
        """Inputs, uint8 (N, C, H, W), translated: uint8 (N, C', H, W); dropout's noise is that of an input's place."""
        _, height, width = generator.image_shape
        at_once = max(1, RENDERED_PIXELS // (height * width))
        images = torch.empty(len(inputs), *generator.image_shape, dtype=torch.uint8)
        z = draw_latents(generator, len(inputs), torch_stream(self.recipe.training.seed, "evaluation/0")).z
        with shared_filters(generator):  # type: ignore[arg-type]
            for start in range(0, len(inputs), at_once):
                part = slice(start, start + at_once)
                drawn = generator(z[part].to(self.device), to_unit(inputs[part].to(self.device)))
                images[part] = to_uint8(drawn).cpu()
                self.stage("translations", min(start + at_once, len(inputs)), len(inputs))
        return images

    @torch.no_grad()
    def equivariance_error(self, generator: Generator) -> float:
        """||f(g x) - g f(x)|| over ||f(x)|| on some held-out inputs, over all elements; dropout's noise held fixed."""
        inputs = self.labels[:TRIED].to(self.device)
        x = to_unit(inputs)
        z = draw_latents(generator, len(x), torch_stream(self.recipe.training.seed, "evaluation/0")).z.to(self.device)
        table_GP = action_table(self.group, *inputs.shape[2:]).to(self.device)
        with shared_filters(generator):  # type: ignore[arg-type]
            upright, differences = generator(z, x), []
            for number in range(1, len(table_GP)):
                element = torch.full((len(x),), number, device=self.device)
                turned_first, turned_after = (
                    generator(z, act(x, table_GP, element)), act(upright, table_GP, element)
                )  # fmt: skip
                differences.append((turned_first - turned_after).square().mean())
        return float((torch.stack(differences).mean() / upright.square().mean()).sqrt())

    def measure_images(self, images: Tensor) -> Measurement:
        """Figures of the translations that `draw` gave, as a distribution.

        Raises:
            RunError: no features.
        """
        fake = extract(
            self.reference.extractor, images, progress=lambda done, total: self.stage("features", done, total)
        )
        self.paired["kid_blocks"] = blocked_kernel_distance(
            self.reference.reals.features.invariant, fake.invariant, most=BLOCK
        )
        self.paired["floor_kid_blocks"] = self.floor_blocks
        return measured(self.reference, fake)

    @cached_property
    def floor_blocks(self) -> float | None:
        """The kernel distance of the paper's implementation between real outputs: training ones and held-out ones."""
        train = self.real_pairs.whole_train
        rows = subset(len(train), len(self.rows_used), 0, "train")
        real = extract(self.reference.extractor, Chosen(train.images, rows))
        return blocked_kernel_distance(self.reference.reals.features.invariant, real.invariant, most=BLOCK)

    def measure_and_record(self, images: Tensor, step: int) -> str:
        """Rows in all files; the line that a user is told."""
        words = []
        protocol: dict[str, Any] = {}
        if self.sees:
            measurement = self.measure_images(images)
            words.append(self.record(measurement, step))
            protocol = {"extractor": measurement.protocol.extractor, "kid_block": BLOCK}
        known = self.real_pairs.held_out.checksum
        self.pairs.append(
            {"step": step, **self.paired, "count": len(images), "held_out_checksum": known, "features": protocol}
        )
        return "; ".join([paired_words(self.paired), *words])

    def figures(self, images: Tensor) -> dict[str, Any]:
        """All that is measured, in one table."""
        found = self.measure_images(images).record() if self.sees else {}
        return {**found, **self.paired}

    def memorisation(self, drawn: Tensor, wanted: Neighbours) -> dict[str, Any]:
        """There is none: what a translation should be near is its own output.

        Raises:
            RunError: always.
        """
        raise RunError(f"{self.folder.path}: translates images; --neighbours is for runs that draw them from latents")

    def truncate_after(self, step: int) -> None:
        """Forget what was measured after a step."""
        super().truncate_after(step)
        self.pairs.truncate_after(step)

    @property
    def row_files(self) -> dict[str, JsonLines]:
        """Every metric file by its key."""
        return {**(self.files if self.sees else {}), "pairs": self.pairs}

    def rows(self) -> list[dict[str, Any]]:
        """Frechet distance, KID and label agreement by step; none without features."""
        return super().rows() if self.sees else []

    @property
    def levels(self) -> dict[str, Any]:
        """What the curves are drawn beside."""
        return super().levels if self.sees else {}

    def summary(self) -> str:
        """Start and end in a line."""
        rows = self.pairs.rows()
        own = f"L1 of 255: {rows[0]['l1']:.4g} at the start, {rows[-1]['l1']:.4g} at the end" if rows else ""
        return "; ".join(filter(None, [own, super().summary() if self.sees else ""]))
