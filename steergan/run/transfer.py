"""Weights of another run in new networks, layer by layer, where a layer is the same (`--init-from`)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from steergan.errors import RunError
from steergan.layers import converge_spectral_norm
from steergan.networks.hidden_fields import HiddenFields
from steergan.recipe import Recipe, TranslationRecipe
from steergan.run.about import Taken, Transfer
from steergan.run.load import load_any_run

AnyRecipe = Recipe | TranslationRecipe
MOST_NAMES = 6
"""Layers that a line names."""


class Started(NamedTuple):
    """What new networks got from an older run."""

    transfer: Transfer
    lines: tuple[str, str]
    """Of each network, in words."""
    had_gain: bool
    """Whether the discriminator has its gain with all of its layers, and so the scale of its scores."""


def start_from(path: Path, recipe: AnyRecipe, generator: nn.Module, discriminator: nn.Module) -> Started:
    """Copy a run's last weights into new networks, where layers match: images and classes may be others.

    A layer is taken as a whole, or not at all: its name, its kind, the shapes of all that it has, and the fields of its
    input and output with their group and representations have to be the same. A gain of the scores is no layer: the new
    discriminator takes it only with all of its layers, and else has its own.

    Args:
        path: of the older run.
        recipe: of the new networks.
        generator: changed in place.
        discriminator: changed in place.

    Raises:
        RunError: the run has saved no weights yet, its networks have another group, or no layer matches.
    """
    old = load_any_run(path)
    check_groups(path, old.recipe, recipe)
    with torch.no_grad():
        of_generator = take_layers(old.generator, generator)
        of_discriminator = take_layers(old.discriminator, discriminator)
        if not of_generator.layers and not of_discriminator.layers:
            raise RunError(
                f"{path}: no layer has the name, the shapes and the fields of one of the recipe's; take its widths, "
                "architecture and spectral norm, or leave out --init-from"
            )
        had_gain = not of_discriminator.new and take_gain(old.discriminator, discriminator)
        converge_spectral_norm(generator)
        converge_spectral_norm(discriminator)
    transfer = Transfer(generator=of_generator, discriminator=of_discriminator)
    return Started(
        transfer, (in_words("generator", of_generator), in_words("discriminator", of_discriminator)), had_gain
    )


def groups_of(recipe: AnyRecipe) -> tuple[str, ...]:
    """The groups of the discriminator, layer by layer; of one that scores patches the only one."""
    judge = recipe.discriminator
    return tuple(getattr(judge, "groups", None) or (first_group(judge),))


def check_groups(path: Path, old: AnyRecipe, new: AnyRecipe) -> None:
    """Refuse weights of another group, whose filters and fields are not those of this one.

    Not translated: a C4 network is a plain one only if that has a max over four channels in the place of group pooling,
    and moments over four channels in that of every batch norm, which the plain networks here don't.

    Raises:
        RunError: a group at the first layer of either network is another one.
    """
    for name in ("generator", "discriminator"):
        was, wanted = (first_group(getattr(recipe, name)) for recipe in (old, new))
        if was != wanted:
            raise RunError(
                f"{path}: its {name} has the group {was} and the recipe's {wanted}, whose weights mean other filters; "
                f"set {name}.group = {was}, or leave out --init-from"
            )


def first_group(spec: HiddenFields) -> str:
    """The group of a network's first layer."""
    groups = getattr(spec, "groups", None)  # a discriminator may have several
    return str(groups[0] if groups else getattr(spec, "group", None))


def layers_of(network: nn.Module) -> dict[str, list[str]]:
    """The names of a network's weights and buffers, by the layer that they belong to.

    A layer is the innermost module with field types around what has them, or else with weights of its own.
    """
    modules, found = dict(network.named_modules()), dict[str, list[str]]()
    for name in network.state_dict():
        owner = name.rpartition(".")[0]
        around = [".".join(owner.split(".")[:count]) for count in range(owner.count(".") + 1, 0, -1)]
        weighty = next((path for path in around if any(True for _ in modules[path].parameters(False))), owner)
        layer = next((path for path in around if hasattr(modules[path], "in_type")), weighty)
        found.setdefault(layer, []).append(name)
    found.pop("", None)  # the gain
    return found


def take_layers(old: nn.Module, new: nn.Module) -> Taken:
    """Copy the layers of a network that are the same in another one."""
    source, target = old.state_dict(), new.state_dict()
    theirs, ours = layers_of(old), layers_of(new)
    same = [
        layer
        for layer, names in ours.items()
        if theirs.get(layer) == names and signature(old, layer, names, source) == signature(new, layer, names, target)
    ]
    for name in (name for layer in same for name in ours[layer]):
        target[name].copy_(source[name])
    count = {layer: sum(target[name].numel() for name in names) for layer, names in ours.items()}
    return Taken(
        layers=len(same),
        share=sum(count[layer] for layer in same) / max(1, sum(count.values())),
        new=tuple(layer for layer in ours if layer not in same),
    )


def signature(network: nn.Module, layer: str, names: Sequence[str], state: Mapping[str, Tensor]) -> tuple[object, ...]:
    """What has to be the same for weights to mean the same."""
    module = network.get_submodule(layer)
    fields = [getattr(module, name, None) for name in ("in_type", "out_type")]
    return type(module), fields, [state[name].shape for name in names]


def take_gain(old: nn.Module, new: nn.Module) -> bool:
    """Copy the gain of the scores if both have one."""
    gain, wanted = getattr(old, "gain", None), getattr(new, "gain", None)
    if gain is None or wanted is None:
        return gain is not None
    wanted.copy_(gain)
    return True


def in_words(name: str, taken: Taken) -> str:
    """One line on a network."""
    if not taken.new:
        return f"the {name} starts from all {taken.layers} layers of the older run's"
    more = len(taken.new) - MOST_NAMES
    named = ", ".join(taken.new[:MOST_NAMES]) + f" and {more} more" * (more > 0)
    return (
        f"the {name} takes {taken.layers} of {taken.layers + len(taken.new)} layers of the older run's "
        f"({taken.share:.0%} of its numbers); new: {named}"
    )
