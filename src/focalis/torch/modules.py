"""Losses as modules: what a `NamedLoss` keeps of its function, and any `focalis.Loss`."""

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

__all__ = ["LossModule", "NamedLoss"]

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
        for name, given in settings.items():
            if name == "alpha" and isinstance(given, Tensor):
                given = given.tolist()
            if name in WEIGHTS and given is not None and not isinstance(given, Tensor):
                given = torch.as_tensor(given, dtype=torch.get_default_dtype())
            if name in WEIGHTS or (
                isinstance(given, Tensor) and not isinstance(given, nn.Parameter)
            ):
                self.register_buffer(name, given)
            else:
                setattr(self, name, tuple(given) if isinstance(given, list) else given)
        # What is wrong is said now and not at the first step; tensors may not hold their numbers yet.
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
        given = {name: value for name, value in self.settings.items() if value is not None}
        return ", ".join(f"{name}={_text(value)}" for name, value in given.items())

    def _loss(self, settings: Mapping[str, Any]) -> Loss:
        numbers = {name: _numbers(name, given) for name, given in settings.items()}
        parameters = {name: numbers.pop(name) for name in self.family.ranges if name in numbers}
        if "weight" in numbers:
            numbers["class_weight"] = numbers.pop("weight")
        return Loss(self.link, self.family(**parameters), **numbers, **self.fixed)


class LossModule(nn.Module):
    """Any `focalis.Loss` as a module, with a margin loss of one's own for example.

    Parameters
    ----------
    loss : Loss
        What is applied to the logits and targets of a call, as `focalis.torch.apply` does.

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


def _numbers(name: str, given: Any) -> Any:
    if not isinstance(given, Tensor):
        return given
    # One number for positives is one for all classes, and (C, 1, 1) is (C,).
    return (given.squeeze() if name == "pos_weight" else given).tolist()


def _text(given: Any) -> str:
    if not isinstance(given, Tensor):
        return repr(given)
    if given.ndim == 0 and not given.is_meta:
        return f"{given.item():g}"
    return f"<{' × '.join(map(str, given.shape))}>"
