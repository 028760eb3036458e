"""Group-equivariant generative adversarial networks on escnn."""

import warnings
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import joblib

if TYPE_CHECKING:
    from torch import nn

_Memory = joblib.Memory


def _memory_where_it_can_be(location: Any, *args: Any, **settings: Any) -> Any:
    """joblib's memory on disk; without a disk where its folder can't be made."""
    try:
        return _Memory(location, *args, **settings)
    except OSError:
        return _Memory(None, *args, **settings)


# escnn warns at import that py3nj is missing; that package serves SO(3) only, and steergan is planar. And it makes a
# cache folder beside its code, which need not be ours to write to: our bases have a cache of their own.
with warnings.catch_warnings(), patch.object(joblib, "Memory", _memory_where_it_can_be):
    warnings.simplefilter("ignore")
    import escnn.nn  # noqa: F401

__version__ = "0.1.0"


def accelerate(model: "nn.Module", *args: Any, **settings: Any) -> "nn.Module":
    """Swap escnn's own layers in a model for steergan's, in place: the same function in less time.

    See `steergan.acceleration.accelerate`, which this calls, for its arguments and for what changes.
    """
    from steergan import acceleration  # what it stands on is slow to import, and few need it

    return acceleration.accelerate(model, *args, **settings)
