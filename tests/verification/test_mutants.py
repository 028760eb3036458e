"""The drawn networks are right and the mutants are wrong: what the check is tested on, tested by brute force."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings

from steergan.verification import verify
from tests.thorough import also, asked, size
from tests.verification import drawn, pieces
from tests.verification.breaking import MUTANTS, VISIBLE, Mutant, errors_at, errors_of, random_map, ready, run
from tests.verification.more_mutants import SEEN, Quiet
from tests.verification.pairs import MOST, drawn_pairs

TOLERANCE = {"gathered": 1e-9, "basis": 1e-5}


def is_right(network: Any) -> bool:
    return all(error < TOLERANCE[network.kind] for error in errors_of(network).values())


@settings(max_examples=size(6, 100))
@given(drawn.networks("gathered"))
def test_gathered_networks_commute_to_rounding(network: Any) -> None:
    assert is_right(network), errors_of(network)


@settings(max_examples=size(6, 100))
@given(drawn.networks("basis"))
def test_networks_on_escnns_bases_commute_to_the_rounding_of_float32(network: Any) -> None:
    assert is_right(network), errors_of(network)


@pytest.mark.parametrize("stock", [False, True])
def test_every_piece_is_built_and_right(stock: bool) -> None:
    built = set()
    for seed, piece in enumerate(pieces.pieces_of(stock)):
        both = (("regular",), ("mixed", "irreps"))
        for plan_types in both if asked() else both[seed % 2 :][:1]:
            network = drawn.build(drawn.Plan("D4", stock, plan_types, (piece,), pieces.HEADS[seed % 6], seed))
            built |= {type(layer).__name__ for layer in network.module.modules()}
            assert is_right(network), (network.name, errors_of(network))
    wanted = {"Residual", "Beside", "RestrictionModule", "FieldScale"}
    escnns = {"MaskModule", "FieldDropout", "R2Conv", "FourierPointwise", "TensorProductModule", "DisentangleModule"}
    wanted |= escnns | {"OnFibres", "Exported"} if stock else {"GeneratorBlock", "DiscriminatorBlock"}
    assert wanted <= built


@settings(max_examples=size(4, 50))
@given(plan=drawn.plans())
def test_a_plan_makes_the_same_network_twice(plan: Any) -> None:
    first, second = drawn.build(plan), drawn.build(plan)
    states = [network.module.state_dict() for network in (first, second)]
    assert first.sizes == second.sizes
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_wrong_and_its_original_is_right(name: str) -> None:
    mutant, pairs = MUTANTS[name], drawn_pairs(name)
    assert len(pairs) == MOST
    for original, broken in pairs:
        assert is_right(original), errors_of(original)
        assert shows(mutant, broken), broken.name


def shows(mutant: Mutant, broken: Any) -> bool:
    """Whether a fault is seen without the check; if as an error then on another input too, as `apply` saw the first."""
    if isinstance(mutant, Quiet):
        return SEEN[mutant.also](broken)
    return max(errors_of(broken).values()) > 1e-3 and max(errors_at(broken, broken.sizes, seed=1)) > 1e-4


def telling_sizes(broken: Any) -> tuple[int, ...]:
    """One size where the fault shows at all of them, else all: a verdict has to see past those that are right."""
    everywhere = all(error > VISIBLE for error in errors_of(broken).values())
    return broken.sizes[:1] if everywhere else broken.sizes


QUIET = {"stale", "vacuous", "random"}


@pytest.mark.parametrize("name", MUTANTS)
def test_no_mutant_is_proved(name: str) -> None:
    _, network = drawn_pairs(name)[0]
    found = verify(network.module, telling_sizes(network), "equivariant", others=network.others, level=4)
    wanted = ("not proved", "broken") if MUTANTS[name].also in QUIET else ("broken",)
    assert found.verdict in wanted, (network.name, found.sentence)


@pytest.mark.parametrize("name", [*list(MUTANTS)[::3], *also(*list(MUTANTS)[1::3], *list(MUTANTS)[2::3])])
def test_no_original_is_called_broken(name: str) -> None:
    original, _ = drawn_pairs(name)[0]
    right = verify(original.module, original.sizes[-1:], "equivariant", others=original.others, level=2)
    assert right.verdict != "broken", (original.name, right.sentence)


def test_there_are_as_many_operators_as_were_promised() -> None:
    assert len(MUTANTS) >= 24


def test_noise_is_seen_by_repetition_too() -> None:
    network = drawn.build(drawn.Plan("C4", False, ("regular",), ("residual",), "none", 3))
    noisy = MUTANTS["noise per pixel"].apply(network, 1)
    assert noisy is not None
    module, others = ready(noisy)
    x = random_map(module, network.sizes[0])
    first, second = (run(module, x, others, noise=noise).tensor for noise in (0, 1))
    assert (first - second).abs().max() > 1e-3
    assert torch.equal(first, run(module, x, others, noise=0).tensor)


def test_shifting_the_network_s_output_is_seen() -> None:
    """The brute force itself: it sees a shift, and nothing where nothing is."""
    network = drawn.build(drawn.Plan("D4", False, ("regular",), (), "none", 0))
    assert is_right(network)
    network.module.register_forward_hook(lambda _, __, y: y.type(y.tensor.roll(1, 3)))
    assert min(errors_at(network, network.sizes)) > 1e-2
