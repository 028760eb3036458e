"""A table or a file of tensors that was changed is not believed; one without a digest is taken as it is."""

import json
from pathlib import Path

import pytest
import safetensors.torch
import torch

from steergan.files import write_json
from steergan.seals import check_seal, read_table, sealed, sealed_safetensors

TABLE = {"name": "é", "seeds": [1, 2], "share": 0.1, "nothing": None, "inner": {"b": 1, "a": [True]}}


def test_a_table_comes_back_without_its_digest(tmp_path: Path) -> None:
    write_json(tmp_path / "t.json", sealed(TABLE))
    assert read_table(tmp_path / "t.json") == TABLE
    assert list(json.loads((tmp_path / "t.json").read_text()))[-1] == "digest"


def test_a_table_of_before_is_taken_as_it_is(tmp_path: Path) -> None:
    write_json(tmp_path / "t.json", TABLE)
    assert read_table(tmp_path / "t.json") == TABLE


def test_the_digest_does_not_depend_on_the_layout(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(dict(reversed(sealed(TABLE).items())), indent=7))
    assert read_table(tmp_path / "t.json") == TABLE


def test_every_flipped_bit_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    whole = json.dumps(sealed(TABLE)).encode()
    for place in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            try:
                found = read_table(path)
            except ValueError:
                continue
            # Only what turns the digest's own name into another's leaves a table without one.
            assert {key: found[key] for key in TABLE} == TABLE


DEEP = "[" * 100_000, '{"a": ' * 100_000


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "{", *DEEP, "9" * 5_000, "\0" * 99])
def test_what_is_no_table_is_a_value_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(ValueError, match=r"."):
        read_table(tmp_path / "t.json")


def test_tensors_are_known_by_their_digest() -> None:
    plain = safetensors.torch.save({"a": torch.arange(5.0)}, {"step": "3"})
    whole = sealed_safetensors(plain)
    check_seal(whole)
    check_seal(plain)  # of before
    assert torch.equal(safetensors.torch.load(whole)["a"], torch.arange(5.0))
    with pytest.raises(ValueError, match="another sha256"):
        check_seal(whole[:-1] + b"\x01")


def test_tensors_without_texts_are_sealed_too() -> None:
    whole = sealed_safetensors(safetensors.torch.save({"a": torch.arange(5.0)}))
    check_seal(whole)
    with pytest.raises(ValueError, match="another sha256"):
        check_seal(whole[:-1] + b"\x01")
