"""Functions of the angle, by harmonics: a group that has N rotations only shows at multiples of N."""

import warnings

import numpy as np
from numpy.typing import NDArray


def harmonics(error_AI: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power of each harmonic of functions on SO(2), from 0 up to half of the angles, as a mean over the functions.

    Args:
        error_AI: (A, I), I functions at A equal angles around the circle.

    Source: the Fourier transform on the circle of lie_learn, where it is installed, else numpy's; equal weights are its
        quadrature (the Haar measure).
    """
    angles = len(error_AI)
    power_A = (np.abs(analyzed(error_AI)) ** 2).mean(axis=1)
    centre = angles // 2  # frequency 0 stands there
    pairs = [power_A[centre + n] + power_A[centre - n] for n in range(1, (angles + 1) // 2)]
    return np.array([power_A[centre], *pairs])


def analyzed(error_AI: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Fourier coefficients over the angles, (A, I), frequency 0 in the middle."""
    try:
        with warnings.catch_warnings():  # its docstrings have backslashes that Python warns of
            warnings.simplefilter("ignore")
            from lie_learn.spectral.T1FFT import T1FFT
    except ImportError:  # no wheel for this Python or platform, or built for another numpy
        return analyzed_by_numpy(error_AI)
    found: NDArray[np.complex128] = T1FFT.analyze(error_AI, axis=0)
    return found


def analyzed_by_numpy(error_AI: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Fourier coefficients as `analyzed` gives them, by numpy."""
    return np.fft.fftshift(np.fft.fft(error_AI, axis=0), axes=0) / len(error_AI)
