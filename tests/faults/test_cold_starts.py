"""Processes that start together on an empty cache: each gets what one alone would get, and none fails."""

import os
import shutil
import stat
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steergan.data import load, loading, stamps
from steergan.files import write_whole
from steergan.kernels import library
from steergan.kernels.compiler import build, file_name
from steergan.layers.filters.bases import sampled_basis
from steergan.metrics import Protocol, prepare_reference
from steergan.recipe.data import Npz
from steergan.run.folder import next_free
from steergan.symmetry import gspace
from tests.kernels.conftest import write_tiny
from tests.metrics.drawn import FirstPixels, labelled, noise
from tests.processes import PATIENCE, WARM
from tests.thorough import size

ROUNDS = size(3, 30)
PROCESSES = 4
pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no C++ compiler here")
Work = Callable[[Path, Path], Any]
"""From the folder of the test and that of the round, which is the cache, to something that all must agree on."""


def data(folder: Path, cache: Path) -> Any:
    found = load(Npz(path=str(folder / "x.npz")), "train")
    return found.checksum, np.array(found.images).sum()


def shares(folder: Path, cache: Path) -> Any:
    loading.IN_MEMORY = 0
    found = load(Npz(path=str(folder / "x.npz"), fraction=0.5), "train")
    return found.checksum, np.array(found.images).sum()


def references(folder: Path, cache: Path) -> Any:
    sets = labelled(noise(0, 30), checksum="t"), labelled(noise(1, 20), checksum="h")
    found = prepare_reference(FirstPixels(), *sets, Protocol(15), cache=cache / "references")
    return found.floor, found.reals.features.invariant.tolist()


def bases(folder: Path, cache: Path) -> Any:
    sampled_basis.cache_clear()
    space = gspace("C8")
    basis = sampled_basis(space, space.regular_repr, space.trivial_repr, 3)
    assert basis is not None
    return basis.tolist()


def kernels(folder: Path, cache: Path) -> Any:
    found = library.find(folder / "sources", cache / "kernels", [str(folder / "compiler")], test=lambda functions: None)
    return found.instructions


def hashes(folder: Path, cache: Path) -> Any:
    stamps.WORTH_KEEPING, stamps.SETTLED = 0, -10.0
    return stamps.file_hashes(folder, [folder / "x.npz"])


def files(folder: Path, cache: Path) -> Any:
    write_whole(cache / "one.json", b"the same")
    return (cache / "one.json").read_bytes()


def runs(folder: Path, cache: Path) -> Any:
    """The folder of a run that was started without one, as `claim_folder` takes it."""
    while True:
        path = next_free(cache / "runs", "x")
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        return path.name


def removed(folder: Path, cache: Path) -> Any:
    """Somebody who clears the cache while others fill it."""
    for _ in range(20):
        shutil.rmtree(cache, ignore_errors=True)


KINDS = [data, shares, references, bases, kernels, hashes, files, runs]
VANISH = [data, shares, references, bases, hashes]
Said = dict[str, list[list[Any]]]
"""By kind of work what each process says of every round."""


def do_rounds(works: Sequence[Work], rounds: int, folder: Path, together: Barrier, answer: Connection) -> None:
    """For a process to do: all rounds of all works, each begun together with the others; what came, or why not."""
    said: list[list[Any]] = []
    for place, work in enumerate(works):
        said.append([])
        for k in range(rounds):
            cache = folder / f"{place}-{k}"
            os.environ["STEERGAN_CACHE"] = str(cache)
            cache.mkdir(exist_ok=True)
            together.wait(PATIENCE)
            try:
                said[-1].append(work(folder, cache))
            except BaseException:
                said[-1].append(traceback.format_exc())
    answer.send(said)


def raced(processes: Sequence[Sequence[Work]], folder: Path) -> Said:
    """What processes say that do their works in rounds; those of the first name the kinds."""
    together = WARM.Barrier(len(processes))
    pairs = [WARM.Pipe(duplex=False) for _ in processes]
    started = [
        WARM.Process(target=do_rounds, args=(works, ROUNDS, folder, together, theirs))
        for works, (_, theirs) in zip(processes, pairs, strict=True)
    ]
    for process in started:
        process.start()
    try:
        said = [ours.recv() for ours, _ in pairs]
    finally:
        for process in started:
            process.join(PATIENCE)
    return {work.__name__: [of_one[place] for of_one in said] for place, work in enumerate(processes[0])}


def prepared(folder: Path) -> Path:
    """A set, and kernels with a compiler that is fast: it copies what was compiled before."""
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 16, 16), np.uint8)
    np.savez(folder / "x.npz", images=images, labels=np.arange(60) % 2)
    (folder / "sources").mkdir()
    write_tiny(folder / "sources")
    built = folder / "built" / file_name(folder / "sources")
    build(built, folder / "sources")
    script = f"""#!/bin/sh
while [ $# -gt 1 ]; do if [ "$1" = -o ]; then cp {built} "$2"; exit; fi; shift; done
echo tiny 1.0
"""
    (folder / "compiler").write_text(script)
    (folder / "compiler").chmod(stat.S_IRWXU)
    return folder


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the caches lie that were filled together."""
    return prepared(tmp_path_factory.mktemp("together"))


@pytest.fixture(scope="module")
def said(filled: Path) -> Said:
    """What came of filling them."""
    return raced([KINDS] * PROCESSES, filled)


@pytest.fixture(scope="module")
def said_without(tmp_path_factory: pytest.TempPathFactory) -> Said:
    """What came of filling caches that somebody removed meanwhile."""
    folder = prepared(tmp_path_factory.mktemp("vanishing"))
    return raced([VANISH] * (PROCESSES - 1) + [[removed] * len(VANISH)], folder)


@pytest.mark.parametrize("work", KINDS[:-1], ids=lambda work: work.__name__)
def test_what_starts_together_ends_well(work: Work, said: Said) -> None:
    answers = [answer for of_one in said[work.__name__] for answer in of_one]
    assert len(answers) == PROCESSES * ROUNDS
    assert len({repr(answer) for answer in answers}) == 1, answers
    assert "Traceback" not in repr(answers[0])


def test_runs_that_start_together_have_folders_of_their_own(said: Said) -> None:
    for names in zip(*said["runs"], strict=True):
        assert sorted(names) == [f"{k:05d}-x" for k in range(PROCESSES)]


def test_nothing_is_left_that_nobody_needs(filled: Path, said: Said) -> None:
    names = [path.name for path in filled.rglob("*")]
    assert [name for name in names if "partial" in name or name.startswith(".building")] == []


@pytest.mark.parametrize("work", VANISH, ids=lambda work: work.__name__)
def test_a_cache_that_vanishes_meanwhile_costs_time(work: Work, said_without: Said) -> None:
    *answers, nothing = said_without[work.__name__]
    assert nothing == [None] * ROUNDS
    every = [answer for of_one in answers for answer in of_one]
    assert len({repr(answer) for answer in every}) == 1, every
    assert "Traceback" not in repr(every[0])
