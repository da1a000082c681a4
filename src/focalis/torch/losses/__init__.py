"""The named losses that keep PyTorch's signatures, and what all named losses of tensors share."""
