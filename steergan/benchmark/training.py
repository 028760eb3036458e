"""Steps of training and their parts, ready to be timed."""

import math
from pathlib import Path

import torch

from steergan.benchmark.rivals import Pair, law_of
from steergan.copies import copied
from steergan.layers import SharedFilters, filtered_layers
from steergan.randomness import torch_stream
from steergan.recipe import AnyRecipe, Recipe, TranslationRecipe
from steergan.timing import Action, Several
from steergan.training import Batch, Engine, RunState, Step, draw_latents, save_checkpoint
from steergan.training.protocols import as_module
from steergan.translation import Translator

Actions = dict[str, Action]
STEP, DISCRIMINATOR, GENERATOR, SAMPLING, CHECKPOINT = "step", "D update", "G update", "sampling", "checkpoint"


def random_batch(pair: Pair, recipe: AnyRecipe, device: str) -> Batch:
    """Images that are the same for every rival, and labels, or the images that belong to them."""
    draw, count = torch_stream(recipe.training.seed, "benchmark"), recipe.training.batch_size
    image = torch.rand(count, *pair.generator.image_shape, generator=draw) * 2 - 1
    if isinstance(pair.generator, Translator):
        y = torch.rand(count, *pair.generator.input_shape, generator=draw) * 2 - 1
    else:
        y = torch.randint(pair.generator.classes, (count,), generator=draw)
    return image.to(device), y.to(device)


def training_of(pair: Pair, recipe: Recipe | TranslationRecipe, device: str) -> tuple[RunState, Step, Batch]:
    """A run of a pair at its first step, computed as the recipe's performance settings say."""
    batch = random_batch(pair, recipe, device)
    for network in pair:
        as_module(network).to(device)
    state = RunState.start(pair.generator, pair.discriminator, recipe.training, recipe.augmentation)
    engine = Engine(recipe.performance)
    return state, Step(state, recipe.training, recipe.loss, law_of(recipe), engine), batch


def step_of(pair: Pair, recipe: Recipe | TranslationRecipe, device: str) -> Action:
    """A function that does the next generator step of a pair, on images that stay the same."""
    _, step, batch = training_of(pair, recipe, device)
    return all_alike(recipe, in_precision(step, lambda: step(lambda number, update: batch)))


def all_alike(recipe: Recipe | TranslationRecipe, step: Action) -> Action:
    """Whole rounds of lazy penalties at once, so that calls are alike.

    Penalties come at every k-th of the discriminator's updates; with n of them a step, a round is k / gcd(k, n) steps.
    """
    every = recipe.loss.penalty_every
    count = every // math.gcd(every, recipe.training.discriminator_updates)
    return Several(step, count) if count > 1 else step


def in_precision(step: Step, action: Action) -> Action:
    """The action, with products of the precision that training sets once for all its steps."""

    def act() -> object:
        with step.updates.engine.products():
            return action()

    return act


def actions_of(pair: Pair, recipe: Recipe | TranslationRecipe, device: str, folder: Path) -> Actions:
    """What a run of a pair consists of: a step, one update of either player, a batch of samples, a checkpoint.

    Args:
        pair: the networks; sampled is a copy in evaluation mode, with its filters frozen.
        recipe: what the run is like.
        device: where to compute.
        folder: receives the checkpoint.
    """
    state, step, batch = training_of(pair, recipe, device)
    sampler = copied(as_module(pair.generator)).eval()
    SharedFilters(filtered_layers(sampler)).__enter__()  # for good
    z, element = draw_latents(
        pair.generator,
        recipe.training.batch_size,
        torch_stream(recipe.training.seed, "benchmark/0"),
        law=law_of(recipe),
        device=state.device,
    )

    def update(number: int) -> object:
        parts = step.inputs(lambda *_: batch, state.step + 1, number)
        if number < recipe.training.discriminator_updates:
            return step.updates.update_discriminator(state.discriminator_optimizer, parts)
        return step.updates.update_generator(state.generator_optimizer, parts)

    def sample() -> object:
        with torch.inference_mode():
            return sampler(z, batch[1], element)

    actions: Actions = {
        STEP: lambda: step(lambda *_: batch),
        DISCRIMINATOR: lambda: update(0),
        GENERATOR: lambda: update(recipe.training.discriminator_updates),
        SAMPLING: sample,
        CHECKPOINT: lambda: save_checkpoint(folder, state.step, state.state_dict()),
    }
    acting = {name: in_precision(step, action) for name, action in actions.items()}
    return acting | {STEP: all_alike(recipe, acting[STEP])}
