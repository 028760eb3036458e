"""Whether a saved certificate is that of a network at hand."""

import json
from typing import Any

from steergan.verification.certificate import Certificate

COMPARED = ("weights_sha256", "level", "claim", "group", "elements", "sizes", "modes", "verdict")
COMPARED_OF_ROWS = ("level", "path", "layer", "types", "size", "kind", "verdict", "mode")


def differences(old: dict[str, Any], new: Certificate) -> list[str]:
    """In what a saved certificate and a new one of the same network disagree; measured figures may differ.

    What is shown of one layer by several arguments, with one outcome, counts once: a layer whose Fourier form holds has
    more of them on a machine with the convolution kernels than on one without.

    Args:
        old: a certificate as read from JSON.
        new: made of the weights that are checked.

    Example:
        >>> from steergan.verification import verify
        >>> from steergan.layers import Upsample
        >>> from steergan.symmetry import gspace, trivial_type
        >>> layer = Upsample(trivial_type(gspace("C4"), 1))
        >>> saved = json.loads(verify(layer, 4, level=2).to_json())
        >>> differences(saved, verify(layer, 5, level=2))
        ["sizes: ['4 x 4'] in the file, ['5 x 5'] now"]
    """
    fresh = json.loads(new.to_json())
    found = [
        f"{key}: {_short(old.get(key))} in the file, {_short(fresh[key])} now"
        for key in COMPARED
        if old.get(key) != fresh[key]
    ]
    before, now = _proved(old), _proved(fresh)
    if before != now and not found:
        different = next((a for a, b in zip(before, now, strict=False) if a != b), f"{len(before)} and {len(now)} rows")
        found.append(f"records differ: {_short(different)}")
    return found


def _proved(certificate: dict[str, Any]) -> list[tuple[Any, ...]]:
    """What rows of a certificate, read from JSON, say, each once, but for what was only measured."""
    rows = [row for row in certificate.get("records", []) if row.get("kind") != "measured" and not _right_form(row)]
    return list(dict.fromkeys(tuple(_hashable(row.get(key)) for key in COMPARED_OF_ROWS) for row in rows))


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict) else value  # of a file that was changed


def _short(value: Any) -> str:
    words = str(value)
    return words if len(words) <= 60 else f"{words[:57]}..."


def _right_form(row: dict[str, Any]) -> bool:
    """Whether a row says that a Fourier form is right: of two machines one may lack the kernels, and such rows."""
    return row.get("form") == "Fourier" and row.get("verdict") == "holds"
