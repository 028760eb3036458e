"""The comparison of groups measures every target alike, and says what it can't compare."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import groups
from steergan.errors import RecipeError
from steergan.pictures import save_png
from steergan.recipe import read_recipe
from steergan.tables import Interval


def recipe(folder: Path, group: str, **changes: str) -> Path:
    file = folder / f"{group}-{changes.get('seed', '0')}.toml"
    seed = changes.get("seed", "0")
    latent, filters = changes.get("latent", "dense"), changes.get("filters", "auto")
    network = f'group = "{group}", widths = [8, 8], filters = "{filters}"'
    file.write_text(
        f'name = "{group}"\ndata = {{ name = "digits" }}\n'
        f'generator = {{ {network}, latent = "{latent}", z_dim = 8, seed_width = 4 }}\n'
        f'discriminator = {{ {network} }}\nloss = {{ name = "hinge" }}\n'
        f'training = {{ batch_size = 2, seed = {seed} }}\n'
    )
    return file


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[groups.GroupCost]:
    folder = tmp_path_factory.mktemp("groups")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "SEEDS", range(2))
        return groups.measure([recipe(folder, group) for group in ("C4", "SO2")], 2)


def test_every_group_has_parameters_times_and_errors(found: list[groups.GroupCost]) -> None:
    assert [(m.group, m.trained) for m in found] == [("C4", False), ("SO2", False)]
    for m in found:
        assert set(m.networks) == {"discriminator", "synthesis"}
        assert m.networks["discriminator"][0].inputs == 4
        assert all(at is not None and at[0] > 0 for at in (m.networks["synthesis"][0].at(30.0),))
        assert m.networks["synthesis"][0].at(90.0)[0] < 1e-4  # type: ignore[index]
    own, other = groups.step_ratio(found, "C4"), groups.step_ratio(found, "SO2")
    assert (own.lower, own.upper) == (1, 1)
    assert isinstance(other, Interval)
    assert other.centre > 0


def test_tables_and_picture_have_a_row_and_a_line_for_each_group(found: list[groups.GroupCost], tmp_path: Path) -> None:
    cost, *errors = groups.tables(found)
    assert [row[0] for row in cost.rows] == ["C4", "SO2"]
    assert len(errors) == 2
    assert all(row[1] == "no" for row in errors[0].rows)
    figure = groups.figure(found)
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    save_png(figure, tmp_path / "groups.png")
    report = groups.report(found, "cpu")
    assert "SO2: discriminator" in report.verdict


def test_two_of_a_group_and_none_of_c4_are_refused(tmp_path: Path) -> None:
    so2 = recipe(tmp_path, "SO2")
    with pytest.raises(RecipeError, match="second one of SO2"):
        groups.measure([so2, so2], 1)
    with pytest.raises(RecipeError, match=r"none of SO2 is C4"):
        groups.measure([so2], 1)


def test_a_group_whose_filters_are_chosen_is_one_of_its_own(tmp_path: Path) -> None:
    chosen = read_recipe(recipe(tmp_path, "C4", filters="band-limited"))
    assert groups.called(chosen) == "C4, band-limited"
    assert groups.called(read_recipe(recipe(tmp_path, "SO2"))) == "SO2"


def test_runs_of_one_recipe_are_taken_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "SEEDS", range(1))
    found = groups.measure([recipe(tmp_path, "C4", seed=str(seed)) for seed in range(3)], 1)
    assert [m.group for m in found] == ["C4"]
    errors = sorted(error for error, _, _ in found[0].at("synthesis", 30.0))
    assert len(set(errors)) == 3
    table = groups.tables(found)[2]
    assert table.columns[:3] == ["group", "trained", "networks"]
    cell = table.rows[0][table.columns.index("30 degrees")]
    assert table.rows[0][2] == 3
    assert cell == Interval(centre=errors[1], lower=errors[0], upper=errors[2], values=errors)
    (line,) = groups.figure(found).axes[1].lines
    drawn = dict(zip(*np.asarray(line.get_data()).tolist(), strict=True))
    assert drawn[30.0] == errors[1]
    assert "not known" not in groups.verdict(found)


def test_networks_of_one_group_that_differ_in_more_than_the_seed_are_refused(tmp_path: Path) -> None:
    other = recipe(tmp_path, "C4", seed="1", latent="symmetrized")
    with pytest.raises(RecipeError, match="second one of C4"):
        groups.measure([recipe(tmp_path, "C4"), other], 1)
