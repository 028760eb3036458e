"""A score does not change when the image is turned, unless something plain behind the group pooling sees the pose."""

import pytest
import torch
from sklearn.datasets import load_digits

from steergan.networks import Discriminator, DiscriminatorSpec
from steergan.penalties import r1_penalty
from steergan.symmetry import gspace, trivial_type
from steergan.verification import MODES, grid_elements, transform
from tests.networks.small import (
    ARCHITECTURES,
    OFF_GRID,
    difference,
    discriminator_of,
    discriminator_spec,
    images_for,
    invariance,
)
from tests.thorough import also, grid

RESIDUAL = {"architecture": "residual", "widths": (4, 8, 8)}


def plain(group: str, size: int) -> Discriminator:
    return discriminator_of(discriminator_spec(group=group, widths=(8, 8, 8)), (1, size, size))


def residual(group: str = "C4", size: int = 16, rotations: int = 0, **settings: object) -> Discriminator:
    spec = discriminator_spec(group=group, **(RESIDUAL | settings))
    return discriminator_of(spec, (3, size, size), rotations=rotations)


def largest_change(discriminator: Discriminator, group: str) -> float:
    """Of a score under the group's elements, relative."""
    image_type = trivial_type(gspace(group), 3)
    image, y = images_for(discriminator, 2)
    with torch.no_grad():
        score = discriminator(image, y)
        turned = [discriminator(transform(image, image_type, m), y) for m in grid_elements(image_type.gspace)]
    return max(float(((t - score).abs() / score.abs()).max()) for t in turned)


@pytest.mark.parametrize(
    ("group", "elements", "size"),
    [
        *(("C4", 4, 8), ("D1", 2, 14), ("D4", 8, 12)),
        *also(("C2", 2, 12), ("C4", 4, 14), ("D2", 4, 8), ("D2", 4, 12), ("D4", 8, 14)),
    ],
)
def test_score_is_proved_invariant_for_every_element_and_both_parities(group: str, elements: int, size: int) -> None:
    found = invariance(plain(group, size), modes=MODES)
    assert found.verdict == "proved", found.sentence
    assert len(found.elements) == elements
    assert found.counts()["bounded"] == 0
    errors = [r.finding.bound for r in found.records if r.level == 4]
    assert len(errors) == 2
    assert all(error is not None and error < 1e-5 for error in errors)


# Every two of the four settings meet in a thorough run.
@pytest.mark.parametrize(
    ("group", "size", "pool", "batch_norm"),
    [
        ("C4", 8, "average", False),
        ("D4", 9, "average", True),
        ("C4", 11, "max", True),
        *also(("D4", 8, "max", True), ("C4", 9, "max", False), ("D4", 11, "average", False)),
    ],
)
def test_residual_score_is_proved_invariant_at_sizes_of_either_parity(
    group: str, size: int, pool: str, batch_norm: bool
) -> None:
    found = invariance(residual(group, size, pool=pool, batch_norm=batch_norm, widths=(8, 8)))
    assert found.verdict == "proved", found.sentence
    assert found.group == group


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_score_is_proved_invariant_at_quarter_turns_off_the_grid(architecture: str) -> None:
    found = invariance(residual("C8", 8, architecture=architecture, widths=(6, 6)))
    assert found.verdict == "proved", found.sentence
    assert found.group == "C8 at multiples of 90 degrees"


def test_the_plain_cnn_is_not_invariant_under_quarter_turns_and_claims_nothing() -> None:
    """The control that must fail: otherwise the checks above show nothing."""
    discriminator, image_type = plain("trivial", 28), trivial_type(gspace("C4"), 1)
    image, y = images_for(discriminator, 2)
    with torch.no_grad():
        score = discriminator(image, y)
        for matrix in list(grid_elements(image_type.gspace))[1:]:
            turned = discriminator(transform(image, image_type, matrix), y)
            assert (turned - score).abs().max() > 1e-3 * score.abs().max()
    assert invariance(discriminator, image_type, MODES).verdict == "no claim"


@pytest.mark.parametrize(("group", "architecture"), grid(OFF_GRID, ARCHITECTURES))
@torch.no_grad()
def test_scores_do_not_see_quarter_turns(group: str, architecture: str) -> None:
    spec = discriminator_spec(group=group, architecture=architecture, batch_norm=architecture == "plain")
    discriminator = discriminator_of(spec)
    images, y = images_for(discriminator)
    scores = discriminator(images, y)
    for quarters in (1, 2, 3):
        assert difference(discriminator(torch.rot90(images, quarters, (2, 3)), y), scores) < 1e-5
    if group in ("D8", "O2"):
        assert difference(discriminator(images.flip(3), y), scores) < 1e-5
    if group == "SO2":
        assert difference(discriminator(images.flip(3), y), scores) > 1e-2


@pytest.mark.parametrize(("key", "value"), [("group_pool", "before-last-block"), ("plain_width", 5)])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_plain_layers_behind_the_group_pooling_see_the_pose(architecture: str, key: str, value: object) -> None:
    """Without them the change is rounding; with them it is not, though all before them is as equivariant."""
    assert largest_change(residual(architecture=architecture), "C4") < 1e-12
    posed = discriminator_spec(architecture=architecture, widths=(4, 8, 8), **{key: value})
    assert largest_change(discriminator_of(posed, (3, 16, 16)), "C4") > 1e-3


@torch.no_grad()
def test_for_a_cnn_the_place_of_the_group_pooling_makes_no_difference() -> None:
    end, before = (residual("trivial", group_pool=place) for place in ("end", "before-last-block"))
    # The same layers in the same order; the names of the last block's differ.
    state = zip(before.state_dict(), end.state_dict().values(), strict=True)
    before.load_state_dict(dict(state))
    image, y = images_for(end, 2)
    assert torch.equal(end(image, y), before(image, y))


@pytest.mark.parametrize("group", ["trivial", "D4"])
def test_the_rotation_head_sees_what_the_score_must_not(group: str) -> None:
    network = residual(group, rotations=4)
    image, _ = images_for(network, 2)
    with torch.no_grad():
        answers = network.rotation_logits(image)
        turned = network.rotation_logits(torch.rot90(image, 1, (2, 3)))
    assert answers.shape == (2, 4)
    assert (turned - answers).abs().max() > 1e-3 * answers.abs().max()
    with pytest.raises(ValueError, match="without rotations="):
        residual(group).rotation_logits(image)


@pytest.mark.parametrize(
    ("group", "nonlinearity"),
    [
        *(("C4", "auto"), ("D8", "auto"), ("SO2", "auto"), ("O2", "gated")),
        *also(("C8", "auto"), ("C16", "auto"), ("O2", "auto"), ("SO2", "gated")),
    ],
)
def test_r1_stays_finite_on_digits_with_a_constant_background(group: str, nonlinearity: str) -> None:
    digits = torch.from_numpy(load_digits().images[:6])[:, None] / 8 - 1
    images = torch.nn.functional.interpolate(digits.float(), scale_factor=2).requires_grad_()
    spec = discriminator_spec(group=group, widths=(8, 8), nonlinearity=nonlinearity)
    discriminator = discriminator_of(spec, (1, 16, 16), classes=10, disk=True).float().train()
    blank = torch.full_like(images[:2], -1).requires_grad_()
    for batch in (images, blank):
        y = torch.arange(len(batch))
        penalty = r1_penalty(discriminator(batch, y), batch, 1.0)
        assert torch.isfinite(penalty)
        gradients = torch.autograd.grad(penalty, list(discriminator.parameters()), allow_unused=True)
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)


def test_parameters_at_the_papers_widths_are_those_that_were_counted() -> None:
    """1,475,712 and 1,475,136 weights in the convolutions of the z2 and p4 discriminators (Tables 5 and 6)."""
    counts = {}
    for group in ("trivial", "C4"):
        trunk = Discriminator(DiscriminatorSpec(group=group), (1, 28, 28), 10).trunk
        counts[group] = sum(p.numel() for name, p in trunk.named_parameters() if "bias" not in name)
    assert counts == {"trivial": 1_475_712, "C4": 1_475_136}


@pytest.mark.parametrize("group", ["D4", "SO2", *also("C4", "D1", "C8", "O2")])
def test_the_deviation_of_a_batch_does_not_see_how_each_of_its_images_is_turned(group: str) -> None:
    discriminator = discriminator_of(discriminator_spec(group=group, minibatch_deviation=4))
    image, y = images_for(discriminator, 4)
    image_type = trivial_type(gspace(group), 1)
    elements = list(grid_elements(image_type.gspace))
    each = [transform(one[None], image_type, elements[(2 * i + 1) % len(elements)]) for i, one in enumerate(image)]
    alike, collapsed = discriminator(torch.cat(each), y), discriminator(image[:1].expand_as(image), y)
    score = discriminator(image, y)
    torch.testing.assert_close(alike, score, rtol=1e-6, atol=1e-9)
    assert not torch.isclose(collapsed[0], score[0])  # the first image is the same: its mates are what is seen
    assert discriminator.head.linear.weight.shape[1] == discriminator.features(image).shape[1] + 1


def test_a_discriminator_that_sees_its_batch_is_proved_invariant() -> None:
    found = invariance(discriminator_of(discriminator_spec(group="D4", widths=(8,), minibatch_deviation=2)))
    assert found.verdict == "proved", found.sentence


def test_without_a_deviation_no_score_depends_on_its_batch_mates() -> None:
    discriminator = residual()
    image, y = images_for(discriminator, 2)
    torch.testing.assert_close(discriminator(image, y)[:1], discriminator(image[:1], y[:1]))
