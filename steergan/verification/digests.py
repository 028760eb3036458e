"""Hashes by which it is seen that a module stayed as it was, or that a certificate is that of its weights."""

import hashlib
from typing import Any

import torch
from torch import Tensor, nn

from steergan.verification.subject import twin_of
from steergan.verification.surroundings import in_mode


def state_digest(module: nn.Module) -> str:
    """Hash (sha256) of all that a module is made of: mode, parameters, buffers, with names, dtypes and devices."""
    digest = hashlib.sha256()
    for path, part in module.named_modules():
        digest.update(f"{path}/{type(part).__qualname__}/{part.training}".encode())
        for name, tensor in [*part._parameters.items(), *part._buffers.items()]:
            digest.update(f"/{name}".encode())
            if tensor is not None:
                _update(digest, tensor)
    return digest.hexdigest()


def weights_digest(module: nn.Module) -> str:
    """Hash of parameters and saved buffers (sha256), in the module's own order; one for both modes.

    escnn's `R2Conv` keeps other buffers in evaluation mode; the hash is of the copy in training mode.

    Raises:
        SubjectError: the module can't be copied.

    Example:
        >>> layer = nn.Linear(2, 1)
        >>> weights_digest(layer) == weights_digest(layer.eval())
        True
    """
    digest = hashlib.sha256()
    for name, tensor in in_mode(twin_of(module), training=True).state_dict().items():
        digest.update(name.encode())
        if isinstance(tensor, Tensor):
            _update(digest, tensor)
    return digest.hexdigest()


def _update(digest: Any, tensor: Tensor) -> None:
    digest.update(f"{tensor.dtype}{tuple(tensor.shape)}{tensor.device}".encode())
    flat = tensor.detach().cpu().contiguous().flatten()
    digest.update(flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
