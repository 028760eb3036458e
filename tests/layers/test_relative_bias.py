import pytest
import torch

from steergan.layers.relative_bias import RelativeBias
from steergan.symmetry import grid_permutation, gspace
from tests.thorough import grid


def bias_of(group: str, *, pooled: bool, oriented: bool, side: int = 4) -> RelativeBias:
    bias = RelativeBias(gspace(group), (side, side), pooled=pooled, oriented=oriented)
    torch.nn.init.normal_(bias.table)
    return bias


@pytest.mark.parametrize(("group", "pooled"), grid(("C2", "C4", "D1", "D4"), (True, False)))
def test_what_is_added_moves_with_both_pixels_and_the_element(group: str, pooled: bool) -> None:
    space = gspace(group)
    looking, seen = (torch.from_numpy(grid_permutation(space, n, n)) for n in (4, 2 if pooled else 4))
    invariant, oriented = (bias_of(group, pooled=pooled, oriented=o)() for o in (False, True))
    elements = space.fibergroup.elements
    for g, element in enumerate(elements):
        assert torch.equal(invariant[:, looking[g]][:, :, seen[g]], invariant)
        for h, other in enumerate(elements):
            came = elements.index((~element) @ other)
            assert torch.equal(oriented[came][looking[g]][:, seen[g]], oriented[h])


def test_orbits_are_as_few_as_the_group_allows_and_oriented_numbers_all_free() -> None:
    # 5 x 5 offsets of 3 x 3 pixels: under D4 one in a triangle of side 3 each, 6; under C4 1 + 24 / 4.
    counts = {g: bias_of(g, pooled=False, oriented=False, side=3).table.numel() for g in ("trivial", "C4", "D4")}
    assert counts == {"trivial": 25, "C4": 7, "D4": 6}
    assert bias_of("D4", pooled=False, oriented=True, side=3).table.numel() == 25


def test_beyond_the_grid_a_bias_is_one_of_lengths() -> None:
    bias = bias_of("SO2", pooled=False, oriented=False, side=6)
    added, lengths = bias()[0], dict[int, set[float]]()
    for i in range(36):
        for j in range(36):
            lengths.setdefault((j // 6 - i // 6) ** 2 + (j % 6 - i % 6) ** 2, set()).add(float(added[i, j].detach()))
    assert bias.table.numel() == len(lengths)  # 25 is 5^2 + 0^2 and 3^2 + 4^2
    assert all(len(found) == 1 for found in lengths.values())


def test_pooled_pixels_lie_in_the_middle_of_their_windows() -> None:
    bias = bias_of("trivial", pooled=True, oriented=False)
    added = bias()[0]
    # From pixel (0, 0) to window (0, 0) it is as far as from (2, 2) to window (1, 1), and from nowhere else to there.
    assert added[0, 0] == added[10, 3]
    assert int((added == added[0, 0]).sum()) == 4
