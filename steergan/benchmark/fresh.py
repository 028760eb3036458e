"""What a process of its own takes to build a pair of networks, and to hold it while it trains."""

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch

from steergan import data
from steergan.benchmark.rivals import OWN, rival_pair
from steergan.benchmark.training import step_of
from steergan.errors import RunError
from steergan.recipe import Recipe, TranslationRecipe
from steergan.run.pace import resident


@dataclass(frozen=True)
class Fresh:
    """What was measured in a fresh process."""

    construction: float
    """Seconds to build both networks, after the imports."""
    peak_memory: int
    """Bytes by which the process grew at most until two steps were done; of an accelerator, the most it held."""


def fresh(recipe: Recipe | TranslationRecipe, device: str, rival: str = OWN) -> Fresh:
    """Build a rival's pair in a new process, and do two steps.

    Raises:
        RunError: the process ends without an answer.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    arguments = (rival, recipe, device, torch.get_num_threads(), theirs)
    process = context.Process(target=grow, args=arguments, daemon=True)
    process.start()
    theirs.close()
    try:
        found: Fresh = ours.recv()
        return found
    except EOFError:
        process.join()
        raise RunError(f"{recipe.name}: two steps ended with exit code {process.exitcode}; is memory short?") from None
    finally:
        process.join()


def grow(rival: str, recipe: Recipe | TranslationRecipe, device: str, threads: int, answer: Connection) -> None:
    """What the process does."""
    torch.set_num_threads(threads)
    kind = data.pair_kind(recipe.data)
    before, began = resident(), time.perf_counter()
    pair = rival_pair(rival, recipe, *kind)
    construction = time.perf_counter() - began
    step = step_of(pair, recipe, device)
    step()
    step()
    on_accelerator = torch.device(device).type == "cuda"
    answer.send(Fresh(construction, torch.cuda.max_memory_allocated() if on_accelerator else resident() - before))
