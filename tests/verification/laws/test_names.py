"""What the names of operators say: drawn at random, of shape alone, torch's own."""

import pytest
import torch

from steergan.verification.laws.names import drawn_at_random, name_of, of_shape_alone


@pytest.mark.parametrize("name", ["rand_like", "normal_", "bernoulli", "native_dropout", "multinomial"])
def test_random_numbers_are_known_by_name(name: str) -> None:
    assert drawn_at_random(name)
    assert not drawn_at_random("relu")


def test_only_torchs_own_operators_are_known_to_look_at_shapes_alone() -> None:
    assert all(map(of_shape_alone, ("zeros_like", "ones_like", "full_like", "new_zeros", "new_full")))
    assert not of_shape_alone("mine::new_map")
    assert not of_shape_alone("mine::zeros_like")
    assert not of_shape_alone("relu")


def test_names_of_other_namespaces_say_so() -> None:
    assert name_of(torch.ops.aten.relu.default) == "relu"
    assert name_of(torch.ops.prims.neg.default) == "prims::neg"
