"""Losses as modules: `NamedLoss`, which keeps its function's settings, and any `focalis.Loss`."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from focalis.errors import ArgumentTypeError
from focalis.loss import Loss
from focalis.margin import MarginLossFamily
from focalis.maths.links import LinkName
from focalis.torch._apply import apply
from focalis.torch._overrides import as_leaf, is_symbolic

WEIGHTS = ("weight", "pos_weight")


class NamedLoss(nn.Module):
    """A named loss with its settings: plain numbers and strings; tensors are buffers or parameters."""

    function: ClassVar[Callable[..., Tensor]]
    link: ClassVar[LinkName]
    family: ClassVar[MarginLossFamily]
    fixed: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self._settings = tuple(settings)
        for name, value in settings.items():
            if name == "alpha" and isinstance(value, Tensor):
                value = value.tolist()
            if name in WEIGHTS and value is not None and not isinstance(value, Tensor):
                value = torch.as_tensor(value, dtype=torch.get_default_dtype())
            if name in WEIGHTS or (
                isinstance(value, Tensor) and not isinstance(value, nn.Parameter)
            ):
                self.register_buffer(name, value)
            else:
                setattr(self, name, tuple(value) if isinstance(value, list) else value)
        # Raise errors now and not at the first step; tensors may not hold their numbers yet.
        self._loss({n: v for n, v in self.settings.items() if not isinstance(v, Tensor)})

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments that the function is called with."""
        return {name: getattr(self, name) for name in self._settings}

    @property
    def loss(self) -> Loss:
        """The `focalis.Loss` with these settings, for `focalis.torch.posterior` among others."""
        return self._loss(self.settings)

    def forward(
        self,
        input: Tensor,
        target: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
        normalizer: float | Tensor | None = None,
    ) -> Tensor:
        """Return the loss; the arguments are those of the function."""
        call = (input, target, sample_weight, where, normalizer)
        if is_symbolic(call):
            traced: Tensor = as_leaf(self, call)
            return traced
        return type(self).function(
            input,
            target,
            **self.settings,
            sample_weight=sample_weight,
            where=where,
            normalizer=normalizer,
        )

    def extra_repr(self) -> str:
        """Return the settings that are not None."""
        shown = {name: value for name, value in self.settings.items() if value is not None}
        return ", ".join(f"{name}={_text(value)}" for name, value in shown.items())

    def _loss(self, settings: Mapping[str, Any]) -> Loss:
        numbers = {name: _numbers(name, value) for name, value in settings.items()}
        parameters = {name: numbers.pop(name) for name in self.family.ranges if name in numbers}
        if "weight" in numbers:
            numbers["class_weight"] = numbers.pop("weight")
        return Loss(self.link, self.family(**parameters), **numbers, **self.fixed)


class LossModule(nn.Module):
    """Any `focalis.Loss` as a module, for example with a custom margin loss.

    Parameters
    ----------
    loss : Loss
        The loss that a call applies to its logits and targets, as `focalis.torch.apply` does.

    Examples
    --------
    >>> import torch
    >>> import focalis
    >>> import focalis.torch as F
    >>> criterion = F.LossModule(focalis.parse("softmax_poly1(epsilon=2)"))
    >>> criterion
    LossModule(softmax_poly1(epsilon=2))
    >>> criterion(torch.zeros(1, 2), torch.tensor([0]))
    tensor(1.6931)
    """

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        if not isinstance(loss, Loss):
            raise ArgumentTypeError("loss", "a focalis.Loss", type(loss).__name__)
        self.loss = loss

    def forward(
        self,
        logits: Tensor,
        targets: Tensor,
        *,
        sample_weight: Tensor | None = None,
        where: Tensor | None = None,
        class_where: Tensor | None = None,
        normalizer: float | Tensor | None = None,
    ) -> Tensor:
        """Return the loss."""
        call = (logits, targets, sample_weight, where, normalizer, class_where)
        if is_symbolic(call):
            traced: Tensor = as_leaf(self, call)
            return traced
        return apply(
            self.loss,
            logits,
            targets,
            sample_weight=sample_weight,
            where=where,
            class_where=class_where,
            normalizer=normalizer,
        )

    def extra_repr(self) -> str:
        """Return the text form of the loss."""
        return str(self.loss)


def _numbers(name: str, value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    # A pos_weight of shape (1,) holds for all classes, and (C, 1, 1) means (C,).
    return (value.squeeze() if name == "pos_weight" else value).tolist()


def _text(value: Any) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    if value.ndim == 0 and not value.is_meta:
        return f"{value.item():g}"
    return f"<{' × '.join(map(str, value.shape))}>"
