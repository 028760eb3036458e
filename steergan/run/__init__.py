"""Recipe -> objects -> loop: the only room that knows every other."""

from steergan.extras import needed_by

with needed_by("steergan.run"):
    from steergan.run.about import surroundings
    from steergan.run.deformations import (
        Deformed,
        deformation_table,
        measure_deformations,
        same_protocol,
        save_deformations,
    )
    from steergan.run.evaluating import evaluate
    from steergan.run.folders import compare_folders
    from steergan.run.load import LoadedRun, LoadedTranslation, class_names, load_run, load_translation
    from steergan.run.nearest_images import Neighbours
    from steergan.run.plan import plan
    from steergan.run.projecting import Projection, Search, project
    from steergan.run.proposal import Wish, propose
    from steergan.run.reporting import Reporter
    from steergan.run.sampling import UPRIGHT, Pose, interpolate, sample
    from steergan.run.trained import Trained
    from steergan.run.training import Place, resume, train
    from steergan.run.verifying import verify_function, verify_recipe, verify_run
    from steergan.verification.measured.angle_picture import angle_figure

__all__ = [
    "UPRIGHT",
    "Deformed",
    "LoadedRun",
    "LoadedTranslation",
    "Neighbours",
    "Place",
    "Pose",
    "Projection",
    "Reporter",
    "Search",
    "Trained",
    "Wish",
    "angle_figure",
    "class_names",
    "compare_folders",
    "deformation_table",
    "evaluate",
    "interpolate",
    "load_run",
    "load_translation",
    "measure_deformations",
    "plan",
    "project",
    "propose",
    "resume",
    "same_protocol",
    "sample",
    "save_deformations",
    "surroundings",
    "train",
    "verify_function",
    "verify_recipe",
    "verify_run",
]
