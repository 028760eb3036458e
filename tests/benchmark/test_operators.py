"""Where the time of a step goes, operator by operator."""

import torch

from steergan.benchmark.operators import operator_table, profiled
from steergan.timing import WARM_UP


def test_operators_are_counted_for_every_rival_without_the_warm_up() -> None:
    a = torch.ones(8, 8)
    calls: list[str] = []

    def products() -> None:
        calls.append("products")
        torch.mm(torch.mm(a, a), a)

    told: list[tuple[int, int]] = []
    rivals = {"products": products, "sum": lambda: a.sum()}
    found = profiled(rivals, 2, lambda done, total: told.append((done, total)))
    assert found["products"]["aten::mm"][1] == 2
    assert found["products"]["aten::mm"][0] > 0
    assert "aten::mm" not in found["sum"]
    assert found["sum"]["aten::sum"][1] == 1
    assert len(calls) == WARM_UP + 2
    assert told[-1] == (2 * (WARM_UP + 2), 2 * (WARM_UP + 2))


def test_operators_in_which_the_first_exceeds_the_second_come_first() -> None:
    times = {"ours": {"add": (1.0, 4.0), "mm": (5.0, 1.0)}, "theirs": {"add": (3.0, 2.0)}}
    table = operator_table(times, ["ours", "theirs"])
    assert table.columns == ["operator", "ours", "theirs"]
    assert table.rows == [
        ["mm", "5.00 (1)", "0.00 (0)"],
        ["add", "1.00 (4)", "3.00 (2)"],
        ["all", "6.00 (5)", "3.00 (2)"],
    ]
