"""The convolutional part of a discriminator: sizes of its maps, and the groups that it keeps."""

import pytest
import torch

from steergan.verification import verify
from tests.networks.small import (
    ARCHITECTURES,
    QUICK,
    difference,
    discriminator_of,
    discriminator_spec,
    images_for,
    invariance,
)


def test_paper_pooling_breaks_the_invariance_at_7_to_3_and_the_layer_is_named() -> None:
    spec = discriminator_spec(widths=(8, 8, 8), pooling="paper")
    found = invariance(discriminator_of(spec, (1, 28, 28)))
    assert found.verdict == "broken"
    fault = found.first_fault
    assert fault is not None
    assert fault.path == "trunk.stages.8"
    assert fault.layer == "AveragePool"
    assert "size 7 " in fault.finding.witness
    assert "size 7 " in found.sentence
    assert max(r.finding.bound or 0 for r in found.records if r.level == 4) > 1e-3
    assert invariance(discriminator_of(spec, (1, 16, 16))).verdict == "proved"


@pytest.mark.parametrize(("pooling", "last"), [("exact", 4), ("paper", 3)])
def test_the_odd_map_is_pooled_as_asked(pooling: str, last: int) -> None:
    trunk = discriminator_of(discriminator_spec(widths=(8, 8, 8), pooling=pooling), (1, 28, 28)).trunk
    assert trunk.evaluate_output_shape((1, 1, 28, 28)) == (1, 16, last, last)
    out = trunk(trunk.in_type(torch.zeros(1, 1, 28, 28, dtype=torch.float64)))
    assert tuple(out.shape) == (1, 16, last, last)


@torch.no_grad()
def test_blocks_shrink_only_where_told_and_a_sum_counts_pixels() -> None:
    settings = {"architecture": "residual", "widths": (4, 8, 8), "downsample": (True, False, False)}
    mean, total = (
        discriminator_of(discriminator_spec(global_pool=pool, **settings), (3, 16, 16)) for pool in ("average", "sum")
    )
    assert mean.trunk.evaluate_output_shape((1, 3, 16, 16)) == (1, 16, 8, 8)
    image, _ = images_for(mean, 2)
    assert torch.allclose(total.features(image), 64 * mean.features(image), rtol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_a_restricted_discriminator_keeps_the_last_symmetry_and_loses_the_first(architecture: str) -> None:
    spec = discriminator_spec(
        group=("O2", "SO2", "C4", "C2"), widths=(12, 12, 12, 12), downsample=(True, True, True, False),
        architecture=architecture,
    )  # fmt: skip
    discriminator = discriminator_of(spec)
    images, y = images_for(discriminator)
    scores = discriminator(images, y)
    assert difference(discriminator(torch.rot90(images, 2, (2, 3)), y), scores) < 1e-5
    assert difference(discriminator(torch.rot90(images, 1, (2, 3)), y), scores) > 1e-2
    assert difference(discriminator(images.flip(3), y), scores) > 1e-2
    assert len(discriminator.trunk.restrictions) == 3


def test_a_restriction_to_the_same_group_is_none() -> None:
    assert discriminator_of(discriminator_spec(group=("C4", "C4", "C4"))).trunk.restrictions == []


@pytest.mark.parametrize("settings", [{"group_pool": "before-last-block"}, {"plain_width": 5}])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_trunk_before_plain_layers_is_proved(architecture: str, settings: dict[str, object]) -> None:
    spec = discriminator_spec(architecture=architecture, widths=(4, 8, 8), **settings)
    assert verify(discriminator_of(spec, (3, 16, 16)).trunk.float(), [16], modes=QUICK).verdict == "proved"
