"""Many runs -> one table."""

from steergan.study.figures import Effect, Findings, RunFigures, effects, find
from steergan.study.plan import Run, Study, read_study
from steergan.study.report import claim, page, report
from steergan.study.runs import Outcome, Reporter, run_study, steps_done

__all__ = [
    "Effect",
    "Findings",
    "Outcome",
    "Reporter",
    "Run",
    "RunFigures",
    "Study",
    "claim",
    "effects",
    "find",
    "page",
    "read_study",
    "report",
    "run_study",
    "steps_done",
]
