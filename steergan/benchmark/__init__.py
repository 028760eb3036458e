"""Rivals, timed in one process, in turns."""

from steergan.extras import needed_by

with needed_by("steergan.benchmark"):
    from steergan.benchmark.report import Report
    from steergan.benchmark.rivals import Pair, equal_channels, equal_parameters, own_pair, stock_pair
    from steergan.benchmark.step import StepBenchmark, time_step
    from steergan.timing import in_turns, ratio

__all__ = [
    "Pair",
    "Report",
    "StepBenchmark",
    "equal_channels",
    "equal_parameters",
    "in_turns",
    "own_pair",
    "ratio",
    "stock_pair",
    "time_step",
]
