"""What `accelerate` did to a model, layer by layer, and why."""

from dataclasses import dataclass

from torch import nn

from steergan.errors import SteerganError
from steergan.tables import Interval, Table, markdown

ATTRIBUTE = "_steergan_acceleration"
"""Where a model keeps its report: plain words and numbers, which no state dict holds."""


@dataclass(frozen=True)
class Row:
    """A layer of escnn's.

    Attributes:
        paths: every place of it in the model.
        old: its class.
        new: the class of what stands there now; None if it stayed.
        why: reason for that.
        times_as_fast: seconds of the old one over those of the new one; None where that was not measured.

    Examples:
        >>> Row(("pool",), "GroupPooling", "GroupPool", "computes the same").paths
        ('pool',)
    """

    paths: tuple[str, ...]
    old: str
    new: str | None
    why: str
    times_as_fast: Interval | None = None


@dataclass(frozen=True)
class AccelerationReport:
    """A model's layers, and the model as a whole.

    Attributes:
        rows: one for each layer that has a counterpart, or might have one.
        whole: seconds of the model before over those after; None where that was not measured.
        work: what was measured, in words.

    Examples:
        >>> AccelerationReport((Row(("pool",), "GroupPooling", None, "it was not called"),), None, "").table().rows[0]
        ['pool', 'GroupPooling', 'GroupPooling', 'it was not called', None]
    """

    rows: tuple[Row, ...]
    whole: Interval | None
    work: str

    def table(self) -> Table:
        """For people and programs."""
        rows = [[", ".join(r.paths) or "-", r.old, r.new or r.old, r.why, r.times_as_fast] for r in self.rows]
        return Table(
            caption=f"{self.work} Times as fast: median (quartiles) over alternating calls.",
            columns=["layer", "was", "is", "why", "times as fast"],
            rows=[*rows, ["the whole model", "", "", "", self.whole]],
        )

    def __str__(self) -> str:
        return markdown(self.table())


def report_of(model: nn.Module) -> AccelerationReport:
    """What `accelerate` did to this model when it was last called.

    Raises:
        SteerganError: it never was, or has been restored.

    Examples:
        >>> from escnn import nn as enn
        >>> from steergan.acceleration import accelerate
        >>> from steergan.symmetry import gspace, regular_type
        >>> model = enn.SequentialModule(enn.GroupPooling(regular_type(gspace("C4"), 1)))
        >>> report_of(accelerate(model, sizes=4, for_=None, certify=False)).rows[0].new
        'GroupPool'
    """
    found = model.__dict__.get(ATTRIBUTE)
    if not isinstance(found, AccelerationReport):
        raise SteerganError(f"{type(model).__name__} was not accelerated; steergan.accelerate(model) does it")
    return found
