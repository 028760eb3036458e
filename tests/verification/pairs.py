"""Right networks, each with a mutant of it: what the check, and rivals of it, are tried on."""

# First, because it silences what escnn warns of at import.
import steergan  # noqa: F401  # isort: skip
import random
from functools import cache

from tests.thorough import size
from tests.verification import matrix_mutants, more_mutants, mutants, plain_mutants  # noqa: F401  # operators register themselves
from tests.verification.breaking import MUTANTS, Mutant
from tests.verification.drawn import GROUPS, Drawn, Plan, build
from tests.verification.networks import assert_same, state_of
from tests.verification.pieces import HEADS, TYPES, pieces_of

MOST = size(1, 4)
"""Pairs of each operator that tests look at."""


def plan(rng: random.Random, groups: tuple[str, ...]) -> Plan:
    """A plan as hypothesis would draw it, without hypothesis."""
    group, _, stock = rng.choice([g for g in GROUPS if not groups or g[0] in groups])
    heads = [head for head in HEADS if stock or head != "gated"]
    chosen = tuple(rng.choices(list(pieces_of(stock)), k=rng.randint(0, 3)))
    types = tuple(rng.sample(list(TYPES), rng.randint(1, 2)))
    return Plan(group, stock, types, chosen, rng.choice(heads), rng.randint(0, 999))


def fits(mutant: Mutant, chosen: Plan) -> bool:
    """Whether a plan has one of the parts that the fault needs; building those without only takes time."""
    return not mutant.needs or not {*chosen.types, *chosen.pieces}.isdisjoint(mutant.needs)


@cache
def drawn_pairs(name: str, count: int = MOST) -> list[tuple[Drawn, Drawn]]:
    """Right networks, each with a mutant of it by an operator; the same ones every time."""
    mutant, pairs = MUTANTS[name], []
    for attempt in range(400):
        chosen = plan(random.Random(f"{name} {attempt}"), mutant.groups or ())
        if not fits(mutant, chosen):
            continue
        try:
            network = build(chosen)
        except AssertionError:
            continue
        before = state_of(network.module)
        broken = mutant.apply(network, attempt)
        assert_same(before, state_of(network.module))
        if broken is not None:
            pairs.append((network, broken))
        if len(pairs) == count:
            break
    return pairs
