"""Tensor operations whose effect on laws is known, by the name of torch's operator; others' with their namespace.

An operation that is not here loses the law, unless everything that it computes from is invariant.
"""

from dataclasses import replace
from typing import Any

from steergan.verification.laws.commuting import scaled, together
from steergan.verification.laws.law import Law, Lost, Turning, settled
from steergan.verification.laws.memory import tensors_in
from steergan.verification.laws.norms import batch_norm, group_norm, layer_norm, softmax
from steergan.verification.laws.operations import (
    Operation,
    Rule,
    broadcast,
    converted,
    elementwise,
    indexed_write,
    join,
    made_of_shape,
    move,
    pad,
    power,
    sign_of_zero,
)
from steergan.verification.laws.products import attention, distances, product
from steergan.verification.laws.reductions import (
    adaptive_pool,
    convolution,
    fourier_convolution,
    ordered,
    pool,
    reduced,
)
from steergan.verification.laws.resampling import resampled


def rules(rule: Rule, *names: str) -> dict[str, Rule]:
    """One rule for many operators, named in words."""
    return dict.fromkeys(" ".join(names).split(), rule)


RULES: dict[str, Rule] = {
    **rules(
        move,
        "view _unsafe_view reshape permute transpose t unsqueeze squeeze expand slice select index_select",
        "clone repeat flip roll rot90 split split_with_sizes chunk unbind narrow gather alias detach index",
        "pixel_shuffle pixel_unshuffle unfold diagonal movedim lift_fresh reflection_pad2d replication_pad2d",
        "unsafe_split contiguous embedding channel_shuffle native_channel_shuffle",
    ),
    "_to_copy": converted,
    "constant_pad_nd": pad,
    **rules(join, "cat stack"),
    **rules(elementwise("odd"), "tanh neg sin asin atan sinh asinh erf sign sgn trunc softshrink hardshrink"),
    **rules(elementwise("even"), "abs cos cosh square"),
    **rules(
        elementwise("general"),
        "relu leaky_relu elu gelu silu softplus sigmoid exp expm1 log log1p log2 sqrt rsqrt reciprocal",
        "clamp clamp_min clamp_max hardtanh hardsigmoid hardswish mish celu selu floor ceil round",
        "log_sigmoid_forward threshold isnan isfinite logical_not relu6 exp2 erfc logit nan_to_num",
    ),
    "pow": power,
    **rules(broadcast("sum"), "add sub rsub"),
    "mul": broadcast("product"),
    "div": sign_of_zero("product"),
    "atan2": sign_of_zero("general"),
    **rules(
        broadcast("general"),
        "maximum minimum where addcmul addcdiv lerp eq ne lt le gt ge logical_and logical_or logical_xor bitwise_and",
        "bitwise_or remainder fmod hypot masked_fill _prelu_kernel xlogy logaddexp",
    ),
    **rules(reduced("odd"), "sum mean"),
    **rules(reduced("general"), "amax amin max min prod logsumexp any all"),
    **rules(reduced("all even"), "std var"),
    **rules(reduced("even"), "linalg_vector_norm norm"),
    "var_mean": reduced("all even"),
    **rules(softmax, "_softmax _log_softmax _safe_softmax"),
    **rules(ordered, "topk sort kthvalue median nanmedian"),
    **rules(product, "mm bmm mv dot addmm baddbmm addmv"),
    **rules(distances, "_euclidean_dist _cdist_forward"),
    "_scaled_dot_product_flash_attention_for_cpu": attention,
    "native_group_norm": group_norm,
    "native_layer_norm": layer_norm,
    **rules(
        batch_norm,
        "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training cudnn_batch_norm",
    ),
    **rules(pool, "avg_pool2d max_pool2d_with_indices"),
    **rules(adaptive_pool, "_adaptive_avg_pool2d adaptive_max_pool2d"),
    **rules(
        resampled,
        "upsample_nearest2d _upsample_nearest_exact2d upsample_bilinear2d upsample_bicubic2d _upsample_bilinear2d_aa",
        "_upsample_bicubic2d_aa",
    ),
    **rules(
        made_of_shape,
        "empty_like zeros_like ones_like full_like new_empty new_zeros new_ones new_full rand_like randn_like",
        "new_empty_strided",
    ),
    "convolution": convolution,
    "steergan::convolve": fourier_convolution,
    "index_put": indexed_write,
}


def law_of_result(call: Operation) -> Law | tuple[Law, ...]:
    """The law of an operator's result (of each, where it returns several)."""
    of_one_map = together(call)
    if of_one_map is not None:
        return settled(of_one_map)
    rule = RULES.get(call.name)
    if rule is None:
        return Lost(f"the operation {call.name} is not one that the proof knows")
    found = rule(call)
    laws = found if isinstance(found, tuple) else (found,)
    if rule is not move:
        laws = tuple(replace(law, atoms=atoms_of(call, law)) if isinstance(law, Turning) else law for law in laws)
    laws = tuple(map(settled, laws))
    return laws if isinstance(found, tuple) else laws[0]


def atoms_of(call: Operation, law: Turning) -> Any:
    """Whose numbers the atoms of a result are: the same as those of another that one function made of the same ones."""
    operands = list(tensors_in((call.args, call.kwargs)))
    if len(operands) == 1:
        before = call.law_of(operands[0])
        if isinstance(before, Turning) and before.ids is law.ids:  # of each entry, where it was
            numbers = [a for a in call.args if a is not operands[0]]
            by = (str(call.func), repr(numbers), repr(call.kwargs))
            return scaled(before.atoms, call, by)
    return object()
