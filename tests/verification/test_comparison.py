"""What `differences` finds between a saved certificate and a new one."""

import copy
import json

import torch

from steergan.verification import differences, verify
from tests.verification.networks import lift


def test_a_changed_weight_is_found_and_an_unchanged_network_agrees() -> None:
    network = lift()
    saved = json.loads(verify(network, [5]).to_json())
    assert differences(saved, verify(network, [5])) == []
    assert differences(saved, verify(network.eval(), [5])) == []
    with torch.no_grad():
        next(network.parameters()).view(-1)[0] += 1e-6
    found = differences(saved, verify(network, [5]))
    assert len(found) == 1
    assert found[0].startswith("weights_sha256")


def test_other_sizes_and_edited_records_are_found() -> None:
    network = lift()
    fresh = verify(network, [5])
    saved = json.loads(fresh.to_json())
    assert [words.split(":")[0] for words in differences(saved, verify(network, [6]))] == ["sizes"]
    edited = copy.deepcopy(saved)
    edited["records"][0]["verdict"] = "no claim"
    assert len(differences(edited, fresh)) == 1
    assert differences({}, fresh) != []


def test_files_of_another_version_are_told_apart_by_what_they_say_alone() -> None:
    fresh = verify(lift(), [5], level=2)
    older = json.loads(fresh.to_json())
    del older["verdicts"]
    for row in older["records"]:
        del row["at"]
    assert differences(older, fresh) == []
    older["records"][-1]["mode"] = "training"
    assert len(differences(older, fresh)) == 1
