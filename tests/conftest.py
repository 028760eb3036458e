"""What every test stands on: one thread, caches of its own, no network, the same hypothesis examples every time."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Before torch and matplotlib are imported; the commands that tests start inherit it.
if sys.dont_write_bytecode:
    # Else every process of the tests compiles steergan and the tests anew, which takes longer than to import them.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "agg"

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tests.notes import Notes

if TYPE_CHECKING:
    from steergan.recipe import Recipe

RECIPE = """
name = "tiny"
data = { name = "npz", path = "DATA", held_out = 0.4 }
generator = { z_dim = 4, embedding_dim = 2, seed_width = 4, widths = [8, 4], upsamplings = 1 }
discriminator = { widths = [4, 8] }
loss = { name = "hinge" }
training = { steps = 6, batch_size = 4, discriminator_updates = 1, checkpoint_every = 3, ema_batch_norm = "copy" }
evaluation = { every = 3, samples = 16, features = "FEATURES" }
"""

# Times differ between machines and between runs, examples must not.
settings.register_profile(
    "steergan", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steergan")

pytest_plugins = ["tests.thorough"]
LONG = [
    "training/test_engine",
    "test_project",
    "verification/test_mutants",
    "kernels/test_sanitizers",
    "run/test_training",
    "kernels/test_wheel",
    "cli/test_verify_equivariance",
    "kernels/test_library",
    "study/test_runs",
    "kernels/test_operators",
    "networks/test_synthesis",
    "training/test_accelerator",
    "acceleration/test_swapping",
    "faults/test_kills",
    "faults/test_cold_starts",
    "layers/test_symmetry_of_layers",
    "cli/test_processes",
    "verification/test_verify",
    "documentation/test_site",
]
"""The modules that take longest, longest first: begun last, one of them leaves the other workers idle."""


def pytest_collection() -> None:
    """Imports that take seconds, where tests are collected: the process that hands them to workers does without."""
    import torch

    # Before any test imports escnn: steergan silences what escnn warns of at import, and here warnings are errors.
    import steergan  # noqa: F401

    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.nodeid.removeprefix("tests/").partition(".py::")[0], len(LONG)))


@pytest.fixture(scope="session", autouse=True)
def own_cache(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache for this session, so that tests neither use nor fill the developer's.

    All workers share it, as processes of a user do: bases of filters are made once. Kernels are compiled once for each
    version of their sources and of how they are compiled, and wait in pytest's own cache for the next session. A test
    that names a cache of its own shares the kernels all the same.
    """
    from steergan.files import file_sha256
    from steergan.kernels import compiler

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    assert pytestconfig.cache is not None
    kernels = pytestconfig.cache.mkdir(f"kernels-{file_sha256(Path(compiler.__file__))[:16]}")
    for failure in kernels.glob("*.failed.json"):
        failure.unlink(missing_ok=True)
    with suppress(FileExistsError):  # another worker was first
        (folder / "kernels").symlink_to(kernels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEERGAN_CACHE", str(folder))
        patch.setattr("steergan.kernels.library.cache_folder", lambda: folder)
        patch.delenv("STEERGAN_TRACEBACK", raising=False)
        yield folder


@pytest.fixture(scope="session", autouse=True)
def escnn_remembers() -> Iterator[None]:
    """What escnn computes or reads from its files again and again, and what never changes, is kept in this process.

    These are a basis's hash, which is made of its content for each walk over a network's modules, that it equals
    itself, and the coefficients that its layers are built from.
    """
    from escnn.group import _clebsh_gordan
    from escnn.kernels import SteerableKernelBasis

    hashed, equal = SteerableKernelBasis.__hash__, SteerableKernelBasis.__eq__
    coefficients = _clebsh_gordan._clebsh_gordan_tensor
    found: dict[Any, Any] = {}

    def hash_once(basis: SteerableKernelBasis) -> int:
        if "hash" not in vars(basis):
            vars(basis)["hash"] = hashed(basis)
        return int(vars(basis)["hash"])

    def same_or_equal(basis: SteerableKernelBasis, other: object) -> bool:
        return basis is other or bool(equal(basis, other))

    def coefficients_once(*irreps: Any, **group: Any) -> Any:
        key = irreps, *sorted(group.items())
        if key not in found:
            found[key] = coefficients(*irreps, **group)
        return found[key].copy()

    coefficients_once.__wrapped__ = coefficients  # type: ignore[attr-defined]  # for a test of escnn's own cache
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SteerableKernelBasis, "__hash__", hash_once)
        patch.setattr(SteerableKernelBasis, "__eq__", same_or_equal)
        patch.setattr(_clebsh_gordan, "_clebsh_gordan_tensor", coefficients_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Connections outside this machine fail, so that a test that needs one says so."""

    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and "127.0.0.1" not in str(address):
            raise OSError(f"a test tried to connect to {address!r}; tests run without a network")
        real(self, address)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_waits_for_the_disk() -> Iterator[None]:
    """No test pulls the plug: what is written is read back from memory, and thousands of waits of milliseconds go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session")
def tiny_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bars and blobs of 8 x 8 pixels, two classes, with a feature extractor that has seen them for a moment."""
    from steergan.metrics import ClassifierTraining, classifier_bytes, train_classifier

    folder = tmp_path_factory.mktemp("tiny")
    labels = np.arange(40) % 2
    images = np.random.default_rng(0).integers(0, 60, (40, 8, 8), dtype=np.uint8)
    images[labels == 0, 2:6, 2:6] = 220
    images[labels == 1, :, 3:5] = 220
    np.savez(folder / "tiny.npz", images=images, labels=labels)
    training = ClassifierTraining(widths=(2, 2, 2, 2, 2, 2), features=4, updates=(30, 30))
    classifier = train_classifier(images[:, None], labels, classes=2, settings=training)
    (folder / "features.safetensors").write_bytes(classifier_bytes(classifier, {"class_names": '["0", "1"]'}))
    text = RECIPE.replace("DATA", f"{folder}/tiny.npz").replace("FEATURES", f"{folder}/features.safetensors")
    (folder / "tiny.toml").write_text(text)
    return folder / "tiny.toml"


@pytest.fixture(scope="session")
def tiny_run(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of it."""
    from steergan import run
    from steergan.recipe import read_recipe

    return run.train(read_recipe(tiny_recipe), tmp_path_factory.mktemp("runs") / "tiny", report=Notes())


@pytest.fixture(scope="session")
def steerable(tiny_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose latent turns."""
    from steergan import run
    from steergan.recipe import read_recipe

    settings = ["generator.latent=steerable", "generator.z_dim=8", "generator.group=D4", "training.steps=3"]
    return run.train(read_recipe(tiny_recipe, settings), tmp_path_factory.mktemp("runs") / "steerable", report=Notes())


@pytest.fixture(scope="session")
def pair_recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of 16 x 16 pixels, and a recipe that translates them."""
    from tests.run.translation import write_recipe

    return write_recipe(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="session")
def pair_run(pair_recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of it."""
    from steergan import run
    from tests.run.translation import recipe_of

    return run.train(recipe_of(pair_recipe), tmp_path_factory.mktemp("runs") / "pairs", report=Notes())


@pytest.fixture
def recipe(tiny_recipe: Path) -> Callable[..., "Recipe"]:
    """The tiny recipe with overrides."""
    from steergan.recipe import read_recipe

    return lambda *overrides: read_recipe(tiny_recipe, overrides)


@pytest.fixture
def blank_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs draw empty curves, which else take half of a tiny run's time; `tiny_run` has true ones."""
    from PIL import Image

    monkeypatch.setattr("steergan.run.session.curves", lambda *_, **__: Image.new("L", (1, 1)))


@pytest.fixture
def short_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    """Classifiers that runs train for themselves are small, and trained for a moment."""
    from steergan.metrics import ClassifierTraining

    short = ClassifierTraining(widths=(2, 2, 2, 2, 2, 2), features=4, updates=(30, 30))
    monkeypatch.setattr("steergan.metrics.classifier_training.ClassifierTraining", lambda: short)
