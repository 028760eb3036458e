"""Many runs -> one table."""

from steergan.extras import needed_by

with needed_by("steergan.study"):
    from steergan.study.cluster import SlurmSettings, run_on_cluster, slurm_executor
    from steergan.study.combine import combine
    from steergan.study.effects import Effect, Grid, effects, sentences
    from steergan.study.figures import Findings, RunFigures, find
    from steergan.study.plan import Run, Study, read_study
    from steergan.study.report import page, report, result
    from steergan.study.runs import Outcome, StudyReporter, run_study, steps_done

__all__ = [
    "Effect",
    "Findings",
    "Grid",
    "Outcome",
    "Run",
    "RunFigures",
    "SlurmSettings",
    "Study",
    "StudyReporter",
    "combine",
    "effects",
    "find",
    "page",
    "read_study",
    "report",
    "result",
    "run_on_cluster",
    "run_study",
    "sentences",
    "slurm_executor",
    "steps_done",
]
