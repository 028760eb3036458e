"""The check is checked: every way to break a network, on networks drawn at random, costs the proof."""


import pytest

from steergan.verification import verify
from tests.verification import rival

QUIET = {"stale", "vacuous", "random"}
EACH = 1


def test_there_are_as_many_operators_as_were_promised() -> None:
    assert len(rival.MUTANTS) >= 24


@pytest.mark.parametrize("name", rival.MUTANTS)
def test_no_mutant_is_proved_and_no_original_broken(name: str) -> None:
    mutant, pairs = rival.MUTANTS[name], rival.drawn_pairs(name, EACH)
    assert len(pairs) == EACH
    for original, network in pairs:
        found = verify(network.module, network.sizes, "equivariant", others=network.others, level=4)
        wanted = ("not proved", "broken") if mutant.also in QUIET else ("broken",)
        assert found.verdict in wanted, (network.name, found.sentence)
        right = verify(original.module, original.sizes, "equivariant", others=original.others, level=2)
        assert right.verdict != "broken", (original.name, right.sentence)
