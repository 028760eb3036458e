"""The picture of errors by angle shows what was measured."""

import pytest
from matplotlib.patches import Rectangle

from steergan.verification.measured.angle_picture import SMALLEST, angle_figure
from steergan.verification.measured.off_grid import OffGrid


def measured(floor: float) -> OffGrid:
    angles = (0.0, 90.0, 180.0, 270.0)
    return OffGrid(angles, (0.0, 0.1, 0.2, 0.3), (0.1, 0.2, 0.3, 0.4), (floor,) * 4, (), (1.0, 0.5, 0.25), None, 8)


def test_every_network_has_a_row_of_errors_and_of_harmonics() -> None:
    figure = angle_figure({"one": measured(0.0), "two": measured(0.05)})
    one, harmonics, two, _ = figure.axes
    assert (one.get_title(), two.get_title()) == ("one", "two")
    assert one.lines[0].get_ydata() == pytest.approx([SMALLEST, 0.1, 0.2, 0.3])
    assert (len(one.lines), len(two.lines)) == (1, 2)
    assert [bar.get_height() for bar in harmonics.patches if isinstance(bar, Rectangle)] == [0.5, 0.25]
