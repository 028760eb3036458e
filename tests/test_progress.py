"""How far work is, told as part of something larger."""

from steergan.progress import portion, unheard


def test_a_portion_is_told_as_a_part_of_the_whole() -> None:
    told: list[tuple[int, int]] = []
    part = portion(lambda done, total: told.append((done, total)), before=10, total=30)
    part(1, 20)
    part(20, 20)
    assert told == [(11, 30), (30, 30)]


def test_nobody_need_listen() -> None:
    portion(unheard, 1, 2)(1, 1)
