"""The cross-entropy family for PyTorch: ``import focalis.torch as F``.

Functions and modules that torch.nn or torchvision has keep their signatures, defaults and meaning. The
others take ``input, target``, the parameters of their margin loss, and then what PyTorch's losses take.
A module has the settings and defaults of its function; its tensors are buffers, which move with
``.to()`` and are saved in ``state_dict``. A parameter of a margin loss may be a tensor without
dimensions, and that of a module a `torch.nn.Parameter`, to be learnt. `apply` and `LossModule` take any
`focalis.Loss`.

Shapes
    The classes lie along dimension 1: logits (N, C, d1, …), or (C,) for a single row. Targets of a
    softmax are class indices (N, d1, …) or non-negative numbers for each class, shaped like the logits.
    Targets of a sigmoid are shaped like the logits and lie in [0, 1]. With soft targets the loss is the
    expectation Σ w_k φ(m_k).

These arguments mean the same everywhere:

weight : Tensor (C,), optional
    A factor for each class; for a softmax with class indices it enters the denominator of "mean".
ignore_index : int, default −100 for a softmax and None for a sigmoid
    A target that does not count. An index below 0 has no effect on targets with a number for each class.
    Searching the targets of a sigmoid takes longer than computing its loss, hence the default.
reduction : {"none", "mean", "sum", "batchmean"}
    "mean" divides by the number of elements that count (sigmoid) or by the sum of the row weights
    (softmax: sample weight, times the class's weight for class indices), "batchmean" by the number of
    rows.
label_smoothing : float, default 0.0
    ε in [0, 1]: targets become y (1 − ε) + ε/C for a softmax, y (1 − ε) + ε/2 for a sigmoid.
alpha : float or sequence of float, optional
    Sigmoid: weights positives by α and negatives by 1 − α. Softmax: a factor for each class, which does
    not enter the denominator. None, or a number below 0, turns it off.
sample_weight : Tensor, optional
    Non-negative weights of the rows (N, d1, …) or, for a sigmoid, of the elements.
where : Tensor of bool, optional
    True where a row (or element) counts; shaped as `sample_weight`.
normalizer : float or Tensor without dimensions, optional
    Replaces the denominator of "mean" and "batchmean": the number of positives, for example. If
    gradients are averaged over processes, sum it over the processes and divide by how many there are.

Elements that are ignored, masked or of weight 0 may hold anything, NaN included, and give exactly 0. If
nothing is left to average, the loss is 0 with a gradient of 0, where PyTorch gives NaN. The result has
the type of the logits, or float32 under autocast. Arguments that do not fit raise at once: a ValueError,
or a TypeError for a wrong type.

On a CPU a loss and its gradient come from one pass of a compiled kernel. On other devices, and where
more than the first derivative by the logits is wanted, PyTorch's operations compute the same loss.
"""

try:
    import torch as _torch  # noqa: F401

    import ml_dtypes as _ml_dtypes  # noqa: F401  # isort: skip
except ModuleNotFoundError as error:
    if error.name not in ("torch", "ml_dtypes"):
        raise
    _name = {"torch": "PyTorch"}.get(error.name, error.name)
    raise ImportError(f'focalis.torch needs {_name}: pip install "focalis[torch]"') from error

from focalis.torch import named as _generated
from focalis.torch._apply import apply
from focalis.torch.inference import init_prior_, posterior
from focalis.torch.losses.binary_cross_entropy import (
    BCELoss,
    BCEWithLogitsLoss,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
)
from focalis.torch.losses.cross_entropy import CrossEntropyLoss, cross_entropy
from focalis.torch.modules import LossModule
from focalis.torch.named import *  # noqa: F403  # made from the table, which says what there is

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "LossModule",
    "apply",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "init_prior_",
    "posterior",
]
__all__ += _generated.__all__
