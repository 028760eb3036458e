"""The modern discriminator scores an image and its transforms alike."""

from typing import Any

import pytest
import torch

from steergan.errors import RecipeError, SymmetryError
from steergan.networks import ModernDiscriminator, ModernDiscriminatorSpec
from tests.networks.modern import discriminator
from tests.networks.small import images_for, invariance
from tests.thorough import also, grid

VARIANTS: list[dict[str, Any]] = [
    {},
    {"cardinality": 2, "blocks": 2},
    {"global_pool": "average", "attention": (False, True)},
]


@pytest.mark.parametrize(("group", "settings"), grid(("C4", "D4"), VARIANTS))
def test_the_score_is_proved_to_be_invariant(group: str, settings: dict[str, Any]) -> None:
    certificate = invariance(discriminator(group, **settings))
    assert certificate.verdict == "proved", certificate.sentence
    kinds = {record.finding.kind for record in certificate.records if record.level < 4}
    assert kinds == {"exact"}, certificate.sentence


@pytest.mark.parametrize("group", [*also("C8", "O2"), "SO2", ("D4", "C4"), ("SO2", "trivial")])
@torch.no_grad()
def test_scores_of_turned_images(group: str | tuple[str, ...]) -> None:
    judge = discriminator(group)
    image, y = images_for(judge)
    found = (judge(image.rot90(1, (2, 3)), y) - judge(image, y)).abs().max() / judge(image, y).std()
    assert (found < 1e-5) == ("trivial" not in group)


def test_odd_maps_and_rectangles() -> None:
    assert discriminator("D4", (1, 14, 14), widths=(8, 8, 8)).trunk.evaluate_output_shape((1, 1, 14, 14))[2:] == (1, 1)
    with pytest.raises(SymmetryError, match=r"a last map of 8 x 4 has no square filter .*global_pool"):
        discriminator("C2", (1, 16, 8))
    assert discriminator("C2", (1, 16, 8), global_pool="sum").trunk.evaluate_output_shape((1, 1, 16, 8))[2:] == (8, 4)
    with pytest.raises(RecipeError, match=r"discriminator.attention has 1 entries"):
        discriminator("C4", attention=(True,))


@pytest.mark.parametrize(("group", "stages"), [("trivial", 2), ("D4", 6), *also(("C4", 4), ("SO2", 3), ("C8", 3))])
def test_scales_do_not_depend_on_the_depth(group: str, stages: int) -> None:
    torch.manual_seed(0)
    side = 2 ** (stages - 1) * 2
    judge = ModernDiscriminator(ModernDiscriminatorSpec(group=group, widths=(24,) * stages), (1, side, side), 3)
    small = torch.randn(16, 1, 2, 2)
    image = torch.nn.functional.interpolate(small, size=(side, side), mode="bilinear").requires_grad_()
    phi = judge.features(image)
    assert 0.2 < float(phi.detach().square().mean().sqrt()) < 5
    phi.square().mean().backward()
    sizes = [float(w.grad.norm()) for w in judge.parameters() if w.grad is not None and w.dim() > 1]
    assert min(sizes) > 1e-3 * max(sizes)
