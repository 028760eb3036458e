"""What attention costs: counts follow from the fields, and sentences from the times."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import attention
from benchmarks.__main__ import benchmarks
from benchmarks.attention import CELLS, CNN, ONCE, PLAIN, R1, TASKS, Cell, Cost, beside_blocks, measure, report
from steergan.results import read_results
from steergan.tables import median_and_quartiles

SMALL = [
    Cell(CNN, "trivial", "invariant", 16, 8, 2),
    Cell("C4, invariant", "C4", "invariant", 16, 8, 2),
    Cell("C4, oriented", "C4", "oriented", 16, 8, 2),
]


def test_layers_have_as_many_parameters_and_oriented_scores_keep_a_map_for_each_element() -> None:
    found = {cost.cell.name: cost for cost in measure(1, SMALL)}
    plain, invariant, oriented = found.values()
    # q, k: 16 -> 2 channels, v: 16 -> 8, o: 8 -> 16, gamma; 8 fields of C4 have half as many, four weights each.
    assert (plain.parameters, invariant.parameters) == (16 * (2 + 2 + 8 + 8) + 1, 4 * 8 * (1 + 1 + 4 + 4) + 1)
    scores = 2 * 64 * 16 * 4  # bytes of one map of scores for each of two images
    assert oriented.kept - invariant.kept >= 3 * scores
    assert set(plain.seconds) == set(TASKS)


def test_sentences_follow_from_the_times() -> None:
    def cost(cell: Cell, r1: list[float], plain: list[float]) -> Cost:
        return Cost(cell, 1, 1, {task: [1.0, 1.0] for task in TASKS} | {R1: r1, PLAIN: plain})

    costs = [cost(SMALL[0], [1.0, 2.0], [2.0, 2.0]), cost(SMALL[1], [3.0, 6.0], [4.0, 4.0])]
    assert attention.verdict(costs) == (
        "R1's step over the CNN's: C4, invariant 3. Training through the fused operator is 2 to 4 times as fast as "
        "through the plain softmax."
    )
    small, large = median_and_quartiles([0.2, 0.25, 0.3]), median_and_quartiles([0.4, 0.5, 0.6])
    by_size = {("C4, invariant", 8): large, ("C4, invariant", 4): small}
    first, second = report(costs, by_size).tables
    assert first.rows[0][-1] is None
    assert ONCE in first.columns
    assert second.columns == ["layer", "4 x 4", "8 x 8"]
    assert second.rows == [["C4, invariant", small, large]]
    assert [len(cell.fields) for cell in CELLS] == [64, 32, 32, 22, 22]


def test_attention_takes_a_growing_share_of_larger_maps() -> None:
    found = beside_blocks(3, SMALL[:1], (4, 32))
    assert found[CNN, 32].centre > found[CNN, 4].centre > 0


def test_the_command_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention, "CELLS", tuple(SMALL[:2]))
    monkeypatch.setattr(attention, "SIZES", (4,))
    path = tmp_path / "attention.json"
    done = CliRunner().invoke(benchmarks, ["attention", "--repeats", "1", "--record", str(path)])
    assert done.exit_code == 0, done.output
    assert read_results(tmp_path)[0].tables[0].rows[1][0] == "C4, invariant"
