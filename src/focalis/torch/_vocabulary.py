"""The vocabulary on PyTorch tensors, so that a margin loss runs on them as it is written."""

from typing import Any

import torch

from focalis import vocabulary
from focalis.frontend import conditions  # noqa: F401  # registers itself
from focalis.torch import _dual

__all__: list[str] = []


def _where(condition: torch.Tensor, a: Any, b: Any) -> Any:
    if isinstance(a, _dual.Dual) or isinstance(b, _dual.Dual):
        return _dual.choose(condition, a, b)
    if not isinstance(a, torch.Tensor) and not isinstance(b, torch.Tensor):
        # Of two numbers PyTorch would make float32, whatever they are to be combined with.
        a = torch.full((), a, dtype=widest(condition.device), device=condition.device)
    return torch.where(condition, a, b)


def widest(device: torch.device) -> torch.dtype:
    """Return the widest floating type of a device: Metal has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


vocabulary.exp.register(torch.Tensor, torch.exp)
vocabulary.exp_nonpositive.register(torch.Tensor, torch.exp)
vocabulary.expm1.register(torch.Tensor, torch.expm1)
vocabulary.log.register(torch.Tensor, torch.log)
vocabulary.log1p.register(torch.Tensor, torch.log1p)
vocabulary.log1p_unit.register(torch.Tensor, torch.log1p)
vocabulary.sqrt.register(torch.Tensor, torch.sqrt)
vocabulary.absolute.register(torch.Tensor, torch.abs)
vocabulary.where.register(torch.Tensor, _where)
