"""Digests see every change of a module."""

import copy

from torch import nn

from steergan.verification.digests import state_digest, weights_digest


def test_digests_see_mode_weights_and_buffers() -> None:
    norm = nn.BatchNorm2d(1)
    network = nn.Sequential(nn.Conv2d(1, 1, 3), norm)
    state, weights = state_digest(network), weights_digest(network)
    assert state_digest(copy.deepcopy(network)) == state
    network.eval()
    assert (state_digest(network) == state, weights_digest(network) == weights) == (False, True)
    network.train()
    assert norm.running_mean is not None
    norm.running_mean += 1
    assert (state_digest(network) == state, weights_digest(network) == weights) == (False, False)
