"""Functions of the angle, by harmonics: a group that has N rotations only shows at multiples of N."""

import warnings

import numpy as np
from numpy.typing import NDArray


def harmonics(error_AI: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power of each harmonic of functions on SO(2), from 0 up to half of the angles, as a mean over the functions.

    Args:
        error_AI: (A, I), I functions at A equal angles around the circle.

    Source: the Fourier transform on the circle of lie_learn; equal weights are its quadrature (the Haar measure).
    """
    with warnings.catch_warnings():  # its docstrings have backslashes that Python warns of
        warnings.simplefilter("ignore")
        from lie_learn.spectral.T1FFT import T1FFT

    angles = len(error_AI)
    power_A = (np.abs(T1FFT.analyze(error_AI, axis=0)) ** 2).mean(axis=1)
    centre = angles // 2  # frequency 0 stands there
    pairs = [power_A[centre + n] + power_A[centre - n] for n in range(1, (angles + 1) // 2)]
    return np.array([power_A[centre], *pairs])
