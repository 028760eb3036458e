"""Residual generators and discriminators from widths alone: any number of blocks, any group, sizes of either parity."""

import pytest
import torch
from torch import nn

from steergan.errors import RecipeError, SymmetryError
from steergan.networks import Discriminator, DiscriminatorSpec, Generator, GeneratorSpec
from steergan.networks.initialization import STANDARD_DEVIATION
from steergan.symmetry import gspace, trivial_type
from steergan.verification import Certificate, grid_elements, transform, verify

QUICK = ("evaluation",)


def judge(
    group: str = "C4", size: int = 16, classes: int = 3, rotations: int = 0, **settings: object
) -> Discriminator:
    torch.manual_seed(0)
    chosen = {"group": group, "architecture": "residual", "widths": (4, 8, 8), **settings}
    return Discriminator(DiscriminatorSpec.model_validate(chosen), (3, size, size), classes, rotations=rotations)


def drawer(group: str, blocks: int = 2, **settings: object) -> Generator:
    torch.manual_seed(0)
    chosen = {
        "group": group, "architecture": "residual", "latent": "dense", "widths": (8,) * blocks, "upsamplings": blocks,
        "z_dim": 5, "embedding_dim": 3, "seed_width": 4, **settings,
    }  # fmt: skip
    shape = (3, 4 * 2**blocks, 4 * 2**blocks)
    return Generator(GeneratorSpec.model_validate(chosen), shape, 3)


def invariance(discriminator: Discriminator) -> Certificate:
    return verify(
        discriminator,
        [discriminator.image_shape[1:]],
        "invariant",
        in_type=discriminator.trunk.in_type,
        others=(torch.tensor([0, 2]),),
        call=lambda module, image, others: module(image, *others),
        modes=QUICK,
    )


def largest_change(discriminator: Discriminator, group: str) -> float:
    """Of a score under the group's elements, relative."""
    image_type = trivial_type(gspace(group), 3)
    image, y = torch.randn(2, *discriminator.image_shape, dtype=torch.float64), torch.tensor([0, 2])
    with torch.no_grad():
        network = discriminator.double().eval()
        score = network(image, y)
        turned = [network(transform(image, image_type, m), y) for m in grid_elements(image_type.gspace)]
    return max(float(((t - score).abs() / score.abs()).max()) for t in turned)


@pytest.mark.parametrize("group", ["C2", "C4", "D1", "D2", "D4"])
@pytest.mark.parametrize("blocks", [1, 3])
def test_synthesis_is_proved_equivariant_whatever_its_depth(group: str, blocks: int) -> None:
    generator = drawer(group, blocks)
    found = verify(generator.synthesis, [4, 5], others=(torch.randn(2, 8),), modes=QUICK)
    assert found.verdict == "proved", found.sentence
    assert found.group == group
    assert found.counts()["bounded"] == 0


@pytest.mark.parametrize("group", ["C4", "D4"])
@pytest.mark.parametrize("size", [16, 21, 27])
@pytest.mark.parametrize("pool", ["average", "max"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_score_is_proved_invariant_at_sizes_of_either_parity(
    group: str, size: int, pool: str, batch_norm: bool
) -> None:
    found = invariance(judge(group, size, pool=pool, batch_norm=batch_norm, widths=(8, 8)))
    assert found.verdict == "proved", found.sentence
    assert found.group == group


def test_off_the_grid_both_networks_are_proved_at_quarter_turns() -> None:
    for found in (
        invariance(judge("C8", widths=(6, 6))),
        verify(drawer("C8").synthesis, [4], others=(torch.randn(2, 8),), modes=QUICK),
    ):
        assert found.verdict == "proved", found.sentence
        assert found.group == "C8 at multiples of 90 degrees"


@pytest.mark.parametrize("settings", [{"group_pool": "before-last-block"}, {"plain_width": 5}])
@pytest.mark.parametrize("architecture", ["plain", "residual"])
def test_plain_layers_behind_the_group_pooling_see_the_pose(architecture: str, settings: dict[str, object]) -> None:
    """Without them the change is rounding; with them it is not, though all before them is as equivariant."""
    assert largest_change(judge(architecture=architecture), "C4") < 1e-12
    posed = judge(architecture=architecture, **settings)
    assert largest_change(posed, "C4") > 1e-3
    assert verify(posed.trunk, [16], modes=QUICK).verdict == "proved"


def test_for_a_cnn_the_place_of_the_group_pooling_makes_no_difference() -> None:
    image, y = torch.randn(2, 3, 16, 16), torch.tensor([0, 2])
    end, before = (judge("trivial", group_pool=place) for place in ("end", "before-last-block"))
    # The same layers in the same order; the names of the last block's differ.
    state = zip(before.state_dict(), end.state_dict().values(), strict=True)
    before.load_state_dict(dict(state))
    with torch.no_grad():
        assert torch.equal(end.eval()(image, y), before.eval()(image, y))


def test_blocks_shrink_only_where_told_and_a_sum_counts_pixels() -> None:
    mean, total = (judge(downsample=(True, False, False), global_pool=pool) for pool in ("average", "sum"))
    assert mean.trunk.evaluate_output_shape((1, 3, 16, 16)) == (1, 16, 8, 8)
    image = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.allclose(total.eval().features(image), 64 * mean.eval().features(image), rtol=1e-4)


@pytest.mark.parametrize("group", ["trivial", "D4"])
def test_the_rotation_head_sees_what_the_score_must_not(group: str) -> None:
    network = judge(group, rotations=4).double().eval()
    image = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        answers = network.rotation_logits(image)
        turned = network.rotation_logits(torch.rot90(image, 1, (2, 3)))
    assert answers.shape == (2, 4)
    assert (turned - answers).abs().max() > 1e-3 * answers.abs().max()
    with pytest.raises(ValueError, match="without rotations="):
        judge(group).rotation_logits(image)


def test_normal_weights_have_the_papers_deviation_and_norms_that_fit_them() -> None:
    wide = {"widths": (64, 64), "initialization": "normal"}
    networks = [drawer("C4", seed_width=32, **wide), judge("C4", classes=40, **wide)]
    for network in networks:
        for name, weight in network.named_parameters():
            if weight.dim() > 1 and weight.numel() > 500:
                assert float(weight.detach().std()) == pytest.approx(STANDARD_DEVIATION, rel=0.15), name
        for layer in network.modules():
            if getattr(layer, "spectral", None) is not None:
                matrix = layer.raw_filter().detach()  # type: ignore[operator]
                sigma = float(layer.spectral.sigma(matrix).detach())  # type: ignore[operator, union-attr]
                assert sigma == pytest.approx(float(torch.linalg.matrix_norm(matrix, 2)), rel=0.05)
    orthogonal: nn.Module = drawer("C4", seed_width=32, widths=(64, 64))
    assert float(orthogonal.get_parameter("seed.weight").detach().std()) > 2 * STANDARD_DEVIATION


def test_settings_that_do_not_fit_each_other_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"downsample has 2 entries and discriminator\.widths 3"):
        judge(downsample=(True, False))
    with pytest.raises(RecipeError, match="leaves no block for the group"):
        judge(widths=(8,), group_pool="before-last-block")
    with pytest.raises(SymmetryError, match=r"block 3.*1 x 1"):
        judge(size=4)
    with pytest.raises(SymmetryError, match="exceeds the 2 entries"):
        drawer("C4", upsamplings=3)
