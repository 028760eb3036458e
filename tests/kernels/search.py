"""The search for the kernels, done once in a process, done again for one test."""

import threading
from functools import cache

import pytest

from steergan.kernels import library


def search_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget, until the test is over, what kernels the process has, and whether anything was said about them."""
    monkeypatch.setattr(library, "_search", cache(library._search.__wrapped__))
    monkeypatch.setattr(library, "_told", threading.Event())
