"""Checks that networks are equivariant; they take any escnn module or function, whoever built it."""

from steergan.verification.action import transform
from steergan.verification.numeric import DOUBLE, SINGLE, EquivarianceErrors, equivariance_errors, relative_errors

__all__ = ["DOUBLE", "SINGLE", "EquivarianceErrors", "equivariance_errors", "relative_errors", "transform"]
