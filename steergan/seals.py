"""Files that say what they must be: tables, and tensors, with a digest of their own."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steergan.files import AnyPath, parsed_json, read_json

DIGEST = "sha256"
"""Under this name the texts of a file of tensors say what the file must be."""
TABLE_DIGEST = "digest"
"""Under this name a table in a JSON file says what it must be."""
TEXTS = "__metadata__"
"""Where the header of a .safetensors file has texts."""


def read_table(path: AnyPath) -> dict[str, Any]:
    """An object in a JSON file, compared with its digest if it has one; without it.

    Raises:
        OSError: it can't be read.
        ValueError: it is no JSON, no object, or not what was written.
    """
    path = Path(path)
    table = read_json(path)
    if not isinstance(table, dict):
        raise ValueError("not a table")
    if TABLE_DIGEST in table and table.pop(TABLE_DIGEST) != json_digest(table):
        raise ValueError(f"not what was saved; to have it taken as it is, remove the {TABLE_DIGEST!r} at its end")
    return table


def sealed(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table for JSON with its digest, for `read_table`."""
    plain = json.loads(json.dumps(table))
    return {**plain, TABLE_DIGEST: json_digest(plain)}


def json_digest(table: Mapping[str, Any]) -> str:
    """sha256 of a table, however its JSON is laid out."""
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


def safetensors_parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """The header of a .safetensors file, and its tensors.

    Raises:
        ValueError: there is no such header.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = parsed_json(content[8:end])
    if not isinstance(header, dict):
        raise ValueError("no header")
    return header, content[end:]


def safetensors_bytes(header: Mapping[str, Any], tensors: bytes) -> bytes:
    """A .safetensors file of its parts, its header's keys in order, so that equal tensors and texts are equal bytes.

    The library writes texts in an order that changes from process to process.
    """
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + tensors


def sealed_safetensors(content: bytes) -> bytes:
    """A .safetensors file with the digest of the same file without it among its texts."""
    header, texts, tensors = texts_apart(content)
    plain = safetensors_bytes({**header, TEXTS: texts}, tensors)
    return safetensors_bytes({**header, TEXTS: {**texts, DIGEST: hashlib.sha256(plain).hexdigest()}}, tensors)


def check_seal(content: bytes) -> None:
    """Compare a .safetensors file with its digest, if it has one.

    Raises:
        ValueError: it is not what was written.
    """
    header, texts, tensors = texts_apart(content)
    digest = texts.pop(DIGEST, None)
    plain = safetensors_bytes({**header, TEXTS: texts}, tensors)
    if digest is not None and digest != hashlib.sha256(plain).hexdigest():
        raise ValueError("its bytes are not those that were saved (another sha256)")


def texts_apart(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """What a .safetensors file says of its tensors, its texts, and the tensors.

    Raises:
        ValueError: there is no such header.
    """
    header, tensors = safetensors_parts(content)
    texts = header.pop(TEXTS, {})
    if not isinstance(texts, dict):
        raise ValueError("no texts")
    return header, texts, tensors
