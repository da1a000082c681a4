"""The vocabulary for PyTorch tensors, so that a margin loss runs on them as it is written."""

from typing import Any

import torch

from focalis import vocabulary
from focalis.frontend import plain_where  # noqa: F401  # registers itself
from focalis.torch import _dual


def _where(condition: torch.Tensor, a: Any, b: Any) -> Any:
    if isinstance(a, _dual.Dual) or isinstance(b, _dual.Dual):
        return _dual.choose(condition, a, b)
    if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
        # From two numbers PyTorch would make float32, whatever they are to be combined with.
        a = torch.full((), a, dtype=widest(condition.device), device=condition.device)
    return torch.where(condition, a, b)


def widest(device: torch.device) -> torch.dtype:
    """Return the widest floating type that a device has; Metal has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


vocabulary.teach(
    {
        "exp": torch.exp,
        "exp_nonpositive": torch.exp,
        "expm1": torch.expm1,
        "log": torch.log,
        "log1p": torch.log1p,
        "log1p_unit": torch.log1p,
        "sqrt": torch.sqrt,
        "absolute": torch.abs,
        "where": _where,
    },
    [torch.Tensor],
)
