"""The verbs of `focalis.arrays` on tensors."""

from typing import Any

import numpy as np
import torch

from focalis.torch._vocabulary import widest

Tensor = torch.Tensor

_FINFO = {dtype: np.finfo(dtype) for dtype in (np.float32, np.float64)}


class Verbs:
    """PyTorch's verbs, on any device, which `focalis.arrays.verbs.Verbs` documents."""

    where: Any = staticmethod(torch.where)
    isnan = staticmethod(torch.isnan)
    zeros = staticmethod(torch.zeros_like)
    total = staticmethod(torch.sum)

    def computing_type(self, x: Tensor, probabilities: bool) -> torch.dtype:
        # 1 − p is exact in float64 for a float32 p, and its logarithm needs the digits.
        wide = probabilities or x.dtype == torch.float64
        return widest(x.device) if wide else torch.float32

    def cast(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        return x.to(dtype)

    def index(self, t: Tensor) -> Tensor:
        # In a narrow type, the numbers to compare with may not fit.
        is_number = t.dtype == torch.bool or t.is_floating_point()
        return t if is_number else t.long()

    def number(self, value: Any, like: Tensor) -> Tensor:
        if isinstance(value, Tensor):
            return value.to(like.device, like.dtype)
        return torch.tensor(value, dtype=like.dtype, device=like.device)

    def finfo(self, x: Tensor) -> Any:
        return _FINFO[np.float64 if x.dtype == torch.float64 else np.float32]

    def clip(self, x: Tensor, low: float | None, high: float | None) -> Tensor:
        return x.clamp(low, high)

    def differs(self, x: Tensor, number: float) -> Tensor:
        return x != number if number == number else ~torch.isnan(x)

    def moved(self, x: Tensor, source: int, destination: int) -> Tensor:
        return x.movedim(source, destination)

    def broadcast(self, x: Tensor, like: Tensor) -> Tensor:
        return x.expand_as(like)

    def classes(self, x: Tensor, like: Tensor) -> int:
        return x.shape[-1]

    def size(self, x: Tensor, rows: bool) -> Tensor:
        return x.new_ones(()).expand(x.shape[:-1] if rows else x.shape).sum()

    def count(self, mask: Tensor, like: Tensor) -> Tensor:
        return mask.sum().to(like.dtype)

    def sum(self, x: Tensor) -> Tensor:
        return x.sum(-1, keepdim=True)

    def max(self, x: Tensor) -> Tensor:
        return x.amax(-1, keepdim=True)

    def any(self, x: Tensor) -> Tensor:
        return x.any(-1, keepdim=True)

    def argmax(self, x: Tensor) -> Tensor:
        return x.detach().argmax(-1)

    def is_class(self, t: Tensor, x: Tensor) -> Tensor:
        return torch.arange(x.shape[-1], device=x.device) == t.unsqueeze(-1)

    def pick(self, x: Tensor, t: Tensor) -> Tensor:
        return x.gather(-1, t.unsqueeze(-1)).squeeze(-1)

    def take(self, by_class: Tensor, t: Tensor) -> Tensor:
        return by_class[t]

    def without(self, x: Tensor, t: Tensor) -> Tensor:
        return x.masked_fill(self.is_class(t, x), -torch.inf)


VERBS = Verbs()
