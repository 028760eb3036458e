"""Proofs that networks are equivariant; they take any escnn module, whoever built it."""

from steergan.verification.certificate import Certificate, NotEquivariant
from steergan.verification.certificates import attention, bases, fibres, filters, pixelwise, spatial  # noqa: F401  # register certificates
from steergan.verification.claims import About
from steergan.verification.comparison import differences
from steergan.verification.digests import weights_digest
from steergan.verification.elements import grid_elements, transform
from steergan.verification.records import Finding, Record, broken, exact, unknown
from steergan.verification.registry import Situation, certifies
from steergan.verification.subject import Subject
from steergan.verification.verify import LEVELS, MODES, assert_equivariant, verify, verify_subject

__all__ = [
    "LEVELS",
    "MODES",
    "About",
    "Certificate",
    "Finding",
    "NotEquivariant",
    "Record",
    "Situation",
    "Subject",
    "assert_equivariant",
    "broken",
    "certifies",
    "differences",
    "exact",
    "grid_elements",
    "transform",
    "unknown",
    "verify",
    "verify_subject",
    "weights_digest",
]
