"""Lists of who or what computed a run, from which step on."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field


class Stretch(BaseModel):
    """Steps that were computed in the same way."""

    model_config = ConfigDict(frozen=True)

    from_step: Annotated[int, Field(ge=0)] = 0


S = TypeVar("S", bound=Stretch)


def kept_until(past: Sequence[S], step: int) -> tuple[S, ...]:
    """What still holds of a record when a run goes on from the checkpoint of a step: at least its beginning."""
    return tuple(entry for entry in past if entry.from_step <= step) or tuple(past[:1])


def with_next(kept: Sequence[S], now: S, step: int) -> tuple[S, ...]:
    """A record whose newest entry begins at a step; what would begin there, too, computed nothing and is left out."""
    earlier = tuple(entry for entry in kept if entry.from_step < step)
    return (*earlier, now.model_copy(update={"from_step": step if earlier else 0}))
