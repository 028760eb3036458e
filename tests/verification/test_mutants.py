"""The drawn networks are right and the mutants are wrong: what the check is tested on, tested by brute force."""

import copy
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.verification import drawn, mutants

breaking, pieces = mutants.breaking, drawn.pieces
errors_of = breaking.errors_of
TOLERANCE = {"gathered": 1e-9, "basis": 1e-5}


def is_right(network: Any) -> bool:
    return all(error < TOLERANCE[network.kind] for error in errors_of(network).values())


@settings(max_examples=25)
@given(drawn.networks("gathered"))
def test_gathered_networks_commute_to_rounding(network: Any) -> None:
    assert is_right(network), errors_of(network)


@settings(max_examples=25)
@given(drawn.networks("basis"))
def test_networks_on_escnns_bases_commute_to_the_rounding_of_float32(network: Any) -> None:
    assert is_right(network), errors_of(network)


@pytest.mark.parametrize("stock", [False, True])
def test_every_piece_is_built_and_right(stock: bool) -> None:
    built = set()
    for seed, piece in enumerate(pieces.pieces_of(stock)):
        for plan_types in (("regular",), ("mixed", "irreps")):
            network = drawn.build(drawn.Plan("D4", stock, plan_types, (piece,), pieces.HEADS[seed % 6], seed))
            built |= {type(layer).__name__ for layer in network.module.modules()}
            assert is_right(network), (network.name, errors_of(network))
    wanted = {"Residual", "Beside", "RestrictionModule", "FieldScale"}
    wanted |= {"MaskModule", "FieldDropout", "R2Conv"} if stock else {"GeneratorBlock", "DiscriminatorBlock"}
    assert wanted <= built


@settings(max_examples=5)
@given(plan=drawn.plans())
def test_a_plan_makes_the_same_network_twice(plan: Any) -> None:
    first, second = drawn.build(plan), drawn.build(plan)
    states = [network.module.state_dict() for network in (first, second)]
    assert first.sizes == second.sizes
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_every_mutant_is_wrong_and_its_original_is_left_as_it_was(name: str) -> None:
    mutant, found = mutants.MUTANTS[name], []

    @settings(max_examples=8)
    @given(network=drawn.networks(groups=mutant.groups), seed=st.integers(0, 99))
    def mutate(network: Any, seed: int) -> None:
        before = copy.deepcopy(network.module.state_dict())
        broken = mutant.apply(network, seed)
        assert is_right(network), errors_of(network)
        after = network.module.state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)
        assume(broken is not None)
        found.append(broken)
        assert max(errors_of(broken).values()) > 1e-3, broken.name
        # On another input too: `apply` has seen the first one.
        assert max(breaking.errors_at(broken, broken.sizes, seed=1)) > 1e-4, broken.name

    mutate()
    assert len(found) >= 3


def test_noise_is_seen_by_repetition_too() -> None:
    network = drawn.build(drawn.Plan("C4", False, ("regular",), ("residual",), "none", 3))
    noisy = mutants.MUTANTS["noise per pixel"].apply(network, 1)
    assert noisy is not None
    module, others = breaking.ready(noisy)
    x = breaking.random_map(module, network.sizes[0])
    first, second = (breaking.run(module, x, others, noise=noise).tensor for noise in (0, 1))
    assert (first - second).abs().max() > 1e-3
    assert torch.equal(first, breaking.run(module, x, others, noise=0).tensor)


def test_shifting_the_network_s_output_is_seen() -> None:
    """The brute force itself: it sees a shift, and nothing where nothing is."""
    network = drawn.build(drawn.Plan("D4", False, ("regular",), (), "none", 0))
    assert is_right(network)
    network.module.register_forward_hook(lambda _, __, y: y.type(y.tensor.roll(1, 3)))
    assert min(errors_of(network).values()) > 1e-2
