"""The losses on PyTorch tensors."""

from focalis.torch._apply import apply

__all__ = ["apply"]
