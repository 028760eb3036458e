"""What every test stands on: one thread, caches of its own, no network, the same hypothesis examples every time."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

# Before torch and matplotlib are imported; the commands that tests start inherit it.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["MPLBACKEND"] = "agg"

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)
# Times differ between machines and between runs, examples must not.
settings.register_profile(
    "steergan", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steergan")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache for this session, so that tests neither use nor fill the developer's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEERGAN_CACHE", str(folder))
        patch.delenv("STEERGAN_TRACEBACK", raising=False)
        yield folder


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
