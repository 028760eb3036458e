"""What steergan says to a user whose input can't be used."""


class SteerganError(Exception):
    """One line for the user: what came, what was wanted, what to do. Commands print it and exit with `exit_code`."""

    exit_code = 1


class RecipeError(SteerganError):
    """A recipe, or a `--set`, that cannot be used."""

    exit_code = 2


class SubjectError(SteerganError):
    """A network that cannot be verified as it was asked for: it can't be run, copied, or lacks types."""

    exit_code = 2


class DataError(SteerganError):
    """Data that is missing, damaged or of the wrong kind."""


class SymmetryError(SteerganError, ValueError):
    """A group, field type or size for which exact equivariance is impossible."""


class RunError(SteerganError):
    """A run folder that cannot be used, or a run that cannot go on."""
