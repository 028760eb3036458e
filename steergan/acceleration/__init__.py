"""escnn's layers swapped for ours where that is faster, and back."""

from steergan.acceleration.checking import AccelerationError
from steergan.acceleration.measuring import Workload
from steergan.acceleration.report import AccelerationReport, Row, report_of
from steergan.acceleration.restoring import RestorationError, restore
from steergan.acceleration.swapping import Replacement, accelerate, replacements

__all__ = [
    "AccelerationError",
    "AccelerationReport",
    "Replacement",
    "RestorationError",
    "Row",
    "Workload",
    "accelerate",
    "replacements",
    "report_of",
    "restore",
]
