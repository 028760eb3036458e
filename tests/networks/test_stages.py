"""The list of stages that a spec makes, and what it refuses."""

import pytest

from steergan.errors import RecipeError, SymmetryError
from steergan.networks import DiscriminatorSpec, GeneratorSpec
from steergan.networks.stages import discriminator_stages, generator_stages
from steergan.symmetry import gspace, regular_type, trivial_type


@pytest.mark.parametrize(("group", "fields"), [("trivial", [16, 8, 8]), ("C4", [8, 4, 4]), ("D4", [5, 2, 2])])
def test_widths_become_fields(group: str, fields: list[int]) -> None:
    spec = GeneratorSpec(group=group, widths=(16, 8, 8))
    *stages, image = generator_stages(spec, channels=3, conditioning=10, seed_pixels=(4, 4))
    assert [len(stage.out_type) for stage in stages] == fields
    assert image.out_type == regular_type(gspace(group), 3)
    into, _ = discriminator_stages(DiscriminatorSpec(group=group, widths=(16, 8, 8)), (3, 16, 16))
    assert [len(stage.out_type) for stage in into] == fields
    assert into[0].in_type == trivial_type(gspace(group), 3)


@pytest.mark.parametrize(
    ("architecture", "upsamplings", "upsample", "conditioned"),
    [
        ("plain", 0, [0, 0, 0], [0, 1, 0]),
        ("plain", 1, [0, 1, 0], [0, 1, 0]),
        ("plain", 2, [0, 1, 1], [0, 1, 0]),
        ("residual", 1, [1, 0, 0], [1, 1, 0]),
        ("residual", 2, [1, 1, 0], [1, 1, 0]),
    ],
)
def test_stages_upsample_and_are_conditioned_as_their_architecture_says(
    architecture: str, upsamplings: int, upsample: list[int], conditioned: list[int]
) -> None:
    spec = GeneratorSpec.model_validate({"architecture": architecture, "widths": (8, 8), "upsamplings": upsamplings})
    stages = generator_stages(spec, channels=1, conditioning=7, seed_pixels=(4, 4))
    assert [stage.upsample for stage in stages] == [bool(n) for n in upsample]
    assert [stage.conditioning for stage in stages] == [7 * n for n in conditioned]


def test_plain_stages_pass_on_what_a_nonlinearity_leaves_and_blocks_what_it_gets() -> None:
    sizes = {}
    for architecture in ("plain", "residual"):
        settings = {"group": "SO2", "nonlinearity": "gated", "architecture": architecture, "widths": (8, 8)}
        first, second = discriminator_stages(DiscriminatorSpec.model_validate(settings), (1, 16, 16))[0]
        assert first.out_type.size == 8 * len(first.out_type)
        sizes[architecture] = second.in_type.size / len(first.out_type)
    assert sizes == {"plain": 7, "residual": 8}


@pytest.mark.parametrize(
    ("pooling", "windows"), [("exact", [(2, 0), (2, 0), (3, 1)]), ("paper", [(2, 0), (2, 0), (2, 0)])]
)
def test_odd_maps_are_pooled_by_windows_of_three_unless_as_in_the_paper(
    pooling: str, windows: list[tuple[int, int]]
) -> None:
    spec = DiscriminatorSpec.model_validate({"pooling": pooling, "widths": (4, 4, 4)})
    pools = [stage.pool for stage in discriminator_stages(spec, (1, 28, 28))[0]]
    assert [(pool.window, pool.padding) for pool in pools if pool is not None] == windows
    assert all(pool is not None and pool.strict == (pooling == "exact") for pool in pools)


def test_behind_the_group_pooling_stages_are_plain() -> None:
    spec = DiscriminatorSpec(group="D4", group_pool="before-last-block", widths=(16, 32))
    (before,), (behind,) = discriminator_stages(spec, (3, 16, 16))
    assert behind.in_type == trivial_type(gspace("trivial"), len(before.out_type))
    assert len(behind.out_type) == 32


def test_settings_that_do_not_fit_each_other_are_refused() -> None:
    def stages(side: int = 16, **settings: object) -> None:
        spec = {"architecture": "residual", "widths": (4, 8, 8), **settings}
        discriminator_stages(DiscriminatorSpec.model_validate(spec), (3, side, side))

    with pytest.raises(RecipeError, match=r"downsample has 2 entries and discriminator\.widths 3"):
        stages(downsample=(True, False))
    with pytest.raises(RecipeError, match="leaves no block for the group"):
        stages(widths=(8,), group_pool="before-last-block")
    with pytest.raises(SymmetryError, match=r"block 3.*1 x 1"):
        stages(4)
    with pytest.raises(SymmetryError, match=r"block 3.*1 x 1"):
        stages(4, group_pool="before-last-block")


def test_maps_that_cannot_be_pooled_are_refused_with_the_stage() -> None:
    with pytest.raises(SymmetryError, match=r"stage 3.*1 x 1"):
        discriminator_stages(DiscriminatorSpec(widths=(8, 8, 8)), (1, 4, 4))
    with pytest.raises(SymmetryError, match=r"stage 2.*5 x 6"):
        discriminator_stages(DiscriminatorSpec(group="D2", widths=(8, 8, 8)), (1, 10, 12))


def test_groups_have_an_order_and_a_length() -> None:
    def stages(*groups: str, **settings: object) -> None:
        spec = {"group": groups, "widths": (12, 16, 16), **settings}
        discriminator_stages(DiscriminatorSpec.model_validate(spec), (1, 28, 28))

    with pytest.raises(RecipeError, match="from C4 to C8"):
        stages("SO2", "C4", "C8")
    with pytest.raises(RecipeError, match=r"2 entries.*3"):
        stages("SO2", "C4")
    with pytest.raises(RecipeError, match="before-last-block"):
        stages("SO2", "C4", "C4", group_pool="before-last-block")
