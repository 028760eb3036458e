import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from steergan.errors import RunError
from steergan.training import latest_state, load_state, load_weights, save_checkpoint, save_state, save_weights
from tests.training.states import differences

STATE: dict[str, Any] = {
    "step": 7,
    "generator": {"weight": torch.arange(2000.0), "count": torch.tensor(3)},
    "optimizer": {"param_groups": [{"betas": (0.0, 0.9), "fused": True, "maximize": None}]},
}


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def weight_position(path: Path) -> int:
    """Somewhere in the middle of the weights' own bytes."""
    return path.read_bytes().index(torch.arange(2000.0).numpy().tobytes()) + 4001


def test_a_state_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pt", STATE)
    assert differences(load_state(tmp_path / "state.pt"), STATE) == []


class Evil:
    """Unpickled, it would leave a file behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran"),)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"step": Evil()}, tmp_path / "state.pt")
    with pytest.raises(RunError, match="damaged or not steergan's"):
        load_state(tmp_path / "state.pt")
    assert not (tmp_path / "ran").exists()


def test_a_missing_checkpoint_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such checkpoint"):
        load_state(tmp_path / "state-000001.pt")


def test_a_checkpoint_that_is_no_table_is_refused(tmp_path: Path) -> None:
    torch.save(torch.zeros(3), tmp_path / "state.pt")
    with pytest.raises(RunError, match="not a table"):
        load_state(tmp_path / "state.pt")


def test_a_flipped_bit_is_found_although_torch_loads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    save_state(path, STATE)
    flip(path, weight_position(path))
    wrong = torch.load(path, weights_only=True)["generator"]["weight"]
    assert not torch.equal(wrong, STATE["generator"]["weight"])
    with pytest.raises(RunError, match="wrong checksum"):
        load_state(path)


@pytest.mark.parametrize("how", ["empty", "truncated", "flipped bit", "text"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path, how: str) -> None:
    save_checkpoint(tmp_path, 10, STATE | {"step": 10})
    path = save_checkpoint(tmp_path, 20, STATE | {"step": 20})
    content = path.read_bytes()
    if how == "flipped bit":
        flip(path, weight_position(path))
    else:
        path.write_bytes({"empty": b"", "truncated": content[: len(content) // 2], "text": b"not a checkpoint\n"}[how])
    found = latest_state(tmp_path)
    assert found is not None
    assert (found.path.name, found.state["step"], found.damaged) == ("state-000010.pt", 10, [path])


def test_only_damaged_checkpoints_are_one_line_that_names_them(tmp_path: Path) -> None:
    for step in (10, 20):
        (tmp_path / f"state-{step:06d}.pt").write_bytes(b"")
    with pytest.raises(RunError, match=r"every checkpoint is damaged \(state-000020.pt, state-000010.pt\)"):
        latest_state(tmp_path)


def test_a_folder_without_checkpoints_has_no_latest_state(tmp_path: Path) -> None:
    (tmp_path / "state-000010.pt.partial").write_bytes(b"cut")
    (tmp_path / "state-best.pt").write_bytes(b"a user's own")
    assert latest_state(tmp_path) is None


def test_the_last_two_checkpoints_are_kept_by_number_of_steps(tmp_path: Path) -> None:
    (tmp_path / "state-000020.pt.partial").write_bytes(b"left by a kill")
    for step in (20, 999_999, 1_000_000, 1_000_010):
        save_checkpoint(tmp_path, step, STATE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state-1000000.pt", "state-1000010.pt"]


def test_a_damaged_checkpoint_does_not_push_a_whole_one_out(tmp_path: Path) -> None:
    for step in (10, 20, 25):
        save_checkpoint(tmp_path, step, STATE | {"step": step})
    (tmp_path / "state-000025.pt").write_bytes(b"")
    (tmp_path / "state-000040.pt").write_bytes(b"of a later step, that a continued run has not reached again")
    save_checkpoint(tmp_path, 30, STATE | {"step": 30})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state-000020.pt", "state-000030.pt"]


def test_a_full_disk_loses_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for step in (10, 20):
        save_checkpoint(tmp_path, step, STATE | {"step": step})
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"state-000030\.pt: cannot be written"):
        save_checkpoint(tmp_path, 30, STATE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state-000010.pt", "state-000020.pt"]
    found = latest_state(tmp_path)
    assert found is not None
    assert found.state["step"] == 20


def test_weights_and_their_text_come_back(tmp_path: Path) -> None:
    weight = torch.randn(3, 4)
    # Views of one memory and strides, which safetensors refuses by itself.
    save_weights(tmp_path / "g.safetensors", {"a": weight, "b": weight.T, "n": torch.tensor(5)}, {"group": "C4"})
    tensors, metadata = load_weights(tmp_path / "g.safetensors")
    assert metadata == {"group": "C4"}
    assert torch.equal(tensors["a"], weight)
    assert torch.equal(tensors["b"], weight.T)
    assert torch.equal(tensors["n"], torch.tensor(5))


@pytest.mark.parametrize("content", [b"", b"x" * 100, None])
def test_damaged_weights_are_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "g.safetensors"
    save_weights(path, {"a": torch.randn(300)}, {})
    path.write_bytes(path.read_bytes()[:-10] if content is None else content)
    with pytest.raises(RunError, match="damaged or not steergan's"):
        load_weights(path)


def test_equal_weights_and_texts_are_equal_bytes(tmp_path: Path) -> None:
    """The library's own order of texts changes from one file to the next."""
    tensors, texts = {"b": torch.arange(3.0), "a": torch.ones(2, dtype=torch.int64)}, {k: k for k in "gfedcba"}
    for name in ("one", "two", "three"):
        save_weights(tmp_path / name, tensors, dict(sorted(texts.items(), reverse=name == "two")))
    assert len({(tmp_path / name).read_bytes() for name in ("one", "two", "three")}) == 1


def test_every_flipped_bit_of_a_value_or_a_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_weights(path, {"a": torch.randn(5), "n": torch.tensor(5)}, {"group": "C4", "step": "12"})
    whole = path.read_bytes()
    wanted, texts = load_weights(path)
    for place in range(len(whole)):
        for bit in (0, 3, 7):
            changed = bytearray(whole)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            try:
                tensors, found = load_weights(path)
            except RunError:
                continue
            # A blank, or the digest's own name: nothing that counts.
            assert found.items() >= texts.items()
            assert all(torch.equal(tensors[name], wanted[name]) for name in wanted)


def test_missing_weights_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no such file of weights"):
        load_weights(tmp_path / "g.safetensors")


def test_weights_on_a_full_disk_leave_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "g.safetensors"
    save_weights(path, {"a": torch.zeros(3)}, {})
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(full))
    with pytest.raises(RunError, match="cannot be written"):
        save_weights(path, {"a": torch.ones(3)}, {})
    assert torch.equal(load_weights(path)[0]["a"], torch.zeros(3))
    assert [p.name for p in tmp_path.iterdir()] == ["g.safetensors"]
