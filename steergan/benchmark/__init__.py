"""Rivals, timed in one process, in turns."""

from steergan.benchmark.rivals import Pair, equal_channels, own_pair, stock_pair
from steergan.benchmark.step import StepBenchmark, as_json, claim, table, time_step, verdict
from steergan.benchmark.timing import in_turns, ratio

__all__ = [
    "Pair",
    "StepBenchmark",
    "as_json",
    "claim",
    "equal_channels",
    "in_turns",
    "own_pair",
    "ratio",
    "stock_pair",
    "table",
    "time_step",
    "verdict",
]
