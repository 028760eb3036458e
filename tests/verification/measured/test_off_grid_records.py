"""Level 6 in a certificate: what was measured is said, and decides about nothing."""

import json
from dataclasses import replace

from steergan.layers import GroupConvolution
from steergan.symmetry import gspace, trivial_type
from steergan.verification import verify
from tests.verification.turning_networks import Invariant


def test_the_certificate_says_what_was_measured_and_is_proved_without() -> None:
    network = Invariant("SO2", 5)
    certificate = verify(network, [12], modes=("evaluation",), in_type=network.in_type)
    assert certificate.verdict == "proved"
    rows = {record.path: record for record in certificate.records if record.level == 6}
    assert {"15 degrees", "45 degrees", "90 degrees", "channels alone", "harmonics of the angle"} <= set(rows)
    assert all((record.finding.kind, record.finding.verdict) == ("measured", "no claim") for record in rows.values())
    assert certificate.off_grid is not None
    assert "measured at 45 degrees" in certificate.sentence
    saved = json.loads(certificate.to_json())
    assert saved["off_grid"]["angles"][:2] == [0.0, 7.5]
    without = verify(network, [12], modes=("evaluation",), in_type=network.in_type, off_grid=False)
    assert (without.verdict, without.off_grid) == ("proved", None)
    worse = replace(certificate, off_grid=replace(certificate.off_grid, median=(9.0,) * 48))
    assert worse.verdict == "proved"


def test_nothing_is_measured_on_the_grid() -> None:
    image = trivial_type(gspace("C4"), 1)
    certificate = verify(GroupConvolution(image, image, 3), [8], modes=("evaluation",))
    assert certificate.off_grid is None
    assert not [record for record in certificate.records if record.level == 6]
