"""Batch norms in evaluation, folded into the convolutions in front of them."""

from typing import Any

import torch
from torch import fx, nn


@torch.no_grad()
def fold_norms(module: fx.GraphModule) -> list[str]:
    """Fold every norm that stands alone behind a convolution: exact but for rounding.

    Every channel of a field has the field's scale, so that equal entries of a bank stay equal.

    Returns:
        The convolutions that took a norm.
    """
    graph, parts, taken = module.graph, dict(module.named_modules()), []
    calls = [node for node in graph.nodes if node.op == "call_module"]
    used = [node.target for node in calls]
    for node in calls:
        norm, before = parts.get(str(node.target)), node.args[0]
        if not isinstance(norm, nn.BatchNorm2d) or not isinstance(before, fx.Node) or before.op != "call_module":
            continue
        convolution = parts.get(str(before.target))
        if not isinstance(convolution, nn.Conv2d | nn.ConvTranspose2d) or len(before.users) > 1:
            continue
        if used.count(before.target) > 1 or used.count(node.target) > 1 or convolution.groups != 1:
            continue
        fold(convolution, norm)
        node.replace_all_uses_with(before)
        graph.erase_node(node)
        taken.append(str(before.target))
    module.delete_all_unused_submodules()
    module.recompile()
    return taken


def fold(convolution: Any, norm: Any) -> None:
    """The norm of what the convolution gives, as the convolution."""
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight
    shift = -norm.running_mean * scale
    if norm.bias is not None:
        shift = shift + norm.bias
    if convolution.bias is not None:
        shift = shift + convolution.bias * scale
    shape = (1, -1, 1, 1) if isinstance(convolution, nn.ConvTranspose2d) else (-1, 1, 1, 1)
    convolution.weight.data = convolution.weight * scale.view(shape)
    convolution.bias = nn.Parameter(shift)
