"""Where layers are in a model, and others in their places."""

from torch import nn

from steergan.places import layers_in, put


def is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear)


def test_a_layer_in_two_places_is_listed_once_with_both() -> None:
    shared, alone = nn.Linear(2, 2), nn.Linear(2, 3)
    model = nn.Sequential(shared, nn.Sequential(shared, nn.ReLU()), alone)
    assert layers_in(model, is_linear) == [(shared, ("0", "1.0")), (alone, ("2",))]
    new = nn.Linear(2, 2)
    assert put(model, dict.fromkeys(("0", "1.0"), new)) is model
    assert layers_in(model, is_linear) == [(new, ("0", "1.0")), (alone, ("2",))]


def test_the_model_itself_is_at_the_empty_path() -> None:
    model, new = nn.Linear(2, 2), nn.Linear(2, 2)
    assert layers_in(model, is_linear) == [(model, ("",))]
    assert put(model, {"": new}) is new
