"""An entry of the catalogue: a name that a framework gives to a loss, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from focalis.catalogue.transforms import ScoreTransform, TargetTransform
from focalis.errors import renamed
from focalis.loss import Loss
from focalis.margin import FAMILIES, MarginLossFamily
from focalis.maths.links import LINKS, Link
from focalis.settings_table import SETTINGS

Array = np.ndarray

# Settings that belong to a `Loss`, and those that belong to a call.
_OPTIONS = tuple(row.name for row in SETTINGS)
_CALL = ("sample_weight", "normalizer")


def _foreground_alpha(alpha: Any, n_classes: int | None) -> dict[str, Any]:
    """One number weights class 0 by 1 − α and every other class by α."""
    if alpha is None or np.ndim(alpha) > 0:
        return {"alpha": alpha}
    if n_classes is None:
        raise ValueError(f"n_classes must be given: alpha={alpha!r} stands for a number per class")
    return {"alpha": (1.0 - alpha, *[alpha] * (n_classes - 1))}


def _alpha_or_pos_weight(alpha: Any, n_classes: int | None) -> dict[str, Any]:
    """One number is α; one number per class weights only the positives."""
    return {"alpha" if np.ndim(alpha) == 0 else "pos_weight": alpha}


# Parameters whose meaning in their framework depends on the value.
_READINGS = {
    "alpha_or_pos_weight": _alpha_or_pos_weight,
    "foreground_alpha": _foreground_alpha,
}


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


@dataclass(frozen=True)
class Parameter:
    """A parameter, with the name and default that a framework gives it.

    Parameters
    ----------
    name : str
        The framework's name for it.
    default : object, default None
        The framework's default; REQUIRED if there is none.
    becomes : str, optional
        Its name in focalis: a parameter of the margin loss, a setting of `Loss`, an argument of the
        call, a parameter of the transform of targets, or ``factor``, which multiplies the loss. By
        default the same name.
    words : mapping, optional
        The names of its values in focalis, if they are words.
    note : str, optional
        Anything special about it in that framework.
    off : object, default None
        The value that means in that framework what None means in focalis; REQUIRED if there is none.
    """

    name: str
    default: Any = None
    becomes: str = ""
    words: Mapping[Any, Any] = field(default_factory=dict)
    note: str = ""
    off: Any = None

    @property
    def setting(self) -> str:
        """Its name in focalis."""
        return self.becomes or self.name

    def read(self, value: Any) -> Any:
        """Return a value in the form that focalis uses."""
        if not self.words:
            return value
        if value not in self.words:
            choices = ", ".join(map(repr, self.words))
            raise ValueError(f"{self.name} must be one of {choices}, got {value!r}")
        return self.words[value]


@dataclass(frozen=True, eq=False)
class Entry:
    """A loss's name: a `Loss`, and a named transform where its inputs differ.

    Parameters
    ----------
    name : str
        The full name, with anything else needed to single out this loss in parentheses.
    framework : str
        The framework that uses the name; "general" for names from the literature.
    link : {"sigmoid", "softmax", "identity", "simplex"}
        The link of the `Loss`.
    margin_loss : str, default "cross_entropy"
        The name of the margin loss.
    parameters : tuple of Parameter, optional
        The parameters that change the loss, under the framework's names.
    also : tuple of str, optional
        Other names for the same loss.
    fixed : mapping, optional
        Settings in focalis that the name implies.
    scores, targets : ScoreTransform, TargetTransform, optional
        How its inputs become those of the `Loss`, where they differ.
    denominator : {"", "elements", "rows", "weights"}, default ""
        What its mean divides by, if not by what the mean of `Loss` does: the number of scores or of
        rows, or the sum of the sample weights.
    pitfalls : tuple of str, optional
        What may surprise the user.
    tasks : tuple of str, optional
        "binary", "multi-label", "multi-class"; by default those of the link.

    Examples
    --------
    >>> from focalis.catalogue import lookup
    >>> (entry,) = lookup("torchvision.ops.sigmoid_focal_loss")
    >>> print(entry.loss(gamma=1.5))
    focal(gamma=1.5, alpha=.25, reduction=none)
    """

    name: str
    framework: str
    link: Link
    margin_loss: str = "cross_entropy"
    parameters: tuple[Parameter, ...] = ()
    also: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    scores: ScoreTransform | None = None
    targets: TargetTransform | None = None
    denominator: str = ""
    pitfalls: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "link", LINKS[self.link])
        if not self.tasks:
            elementwise = self.link.elementwise
            tasks = ("binary", "multi-label") if elementwise else ("multi-class",)
            object.__setattr__(self, "tasks", tasks)

    @property
    def default_loss(self) -> Loss:
        """The `Loss` with the framework's defaults, or focalis's where the framework has none."""
        given = {
            parameter.setting: parameter.read(parameter.default)
            for parameter in self.parameters
            if parameter.default is not REQUIRED
        }
        return self._loss({**self.fixed, **given}, None)

    @property
    def text(self) -> str:
        """The text form of `default_loss`."""
        return str(self.default_loss)

    @property
    def family(self) -> MarginLossFamily:
        """The margin loss, before its parameters are chosen."""
        return FAMILIES[self.margin_loss]

    def default(self, name: str) -> Any:
        """Return a parameter's default."""
        return next(one.default for one in self.parameters if one.name == name)

    def given(self, **parameters: Any) -> "Entry":
        """Return the entry with these values of the framework's parameters as its defaults.

        Raises
        ------
        ValueError
            If the name has no such parameter, or a value is unknown.
        """
        for name, value in parameters.items():
            self._parameter(name).read(value)
        changed = (
            replace(one, default=parameters.get(one.name, one.default)) for one in self.parameters
        )
        return replace(self, parameters=tuple(changed))

    def _parameter(self, name: str) -> Parameter:
        known = {parameter.name: parameter for parameter in self.parameters}
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none that change the loss"
            raise ValueError(f"{self.name} has no parameter {name!r}: {has}")
        return known[name]

    def settings(self, **parameters: Any) -> dict[str, Any]:
        """Return the framework's parameters, including defaults, under their names in focalis.

        Raises
        ------
        ValueError
            If the name has no such parameter, a value is unknown, or one without a default is missing.
        """
        for name in parameters:
            self._parameter(name)
        settings = dict(self.fixed)
        for parameter in self.parameters:
            value = parameters.get(parameter.name, parameter.default)
            if value is REQUIRED:
                raise ValueError(
                    f"{parameter.name} of {self.name} must be given: it has no default"
                )
            settings[parameter.setting] = parameter.read(value)
        return settings

    def loss(self, *, n_classes: int | None = None, **parameters: Any) -> Loss:
        """Return the `Loss` that the name means with these values of the framework's parameters.

        Parameters
        ----------
        n_classes : int, optional
            The number of classes; needed where one number in the framework stands for one per class.
        **parameters
            By the framework's names; any that are left out have the framework's default. Those of the
            call, such as sample weights, are not part of a `Loss`.

        Returns
        -------
        Loss

        Raises
        ------
        ValueError, TypeError
            If a parameter is unknown, missing without a default, or has a meaningless value.

        Examples
        --------
        >>> from focalis.catalogue import lookup
        >>> (entry,) = lookup("torch.nn.CrossEntropyLoss")
        >>> entry.loss(label_smoothing=0.1)
        Loss('softmax', cross_entropy(), label_smoothing=0.1, ignore_index=-100)
        """
        return self._loss(self.settings(**parameters), n_classes)

    def evaluate(
        self, scores: Any, targets: Any, *, engine: str = "auto", **parameters: Any
    ) -> tuple[Any, Array]:
        """Return value and gradient of the loss for inputs as the framework takes them.

        Parameters
        ----------
        scores : array_like
            As the framework takes them, except that the class axis is the last one.
        targets : array_like
            As the framework takes them.
        engine : {"auto", "numba", "numpy"}, default "auto"
            As when calling a `Loss`.
        **parameters
            By the framework's names, including sample weights.

        Returns
        -------
        value : float64 or ndarray
            The loss, reduced as in the framework.
        gradient : ndarray
            Of the value (without a reduction, of the sum) with respect to `scores`.

        Raises
        ------
        ValueError, TypeError
            If an argument does not fit.

        Examples
        --------
        >>> import numpy as np
        >>> from focalis.catalogue import lookup
        >>> (entry,) = lookup("torch.nn.SoftMarginLoss")
        >>> value, gradient = entry.evaluate([2.0, -1.0], [1, 1], engine="numpy")
        >>> round(float(value), 4), gradient.round(4)
        (0.7201, array([-0.0596, -0.3655]))
        """
        settings = self.settings(**parameters)
        given, truth = np.asarray(scores), np.asarray(targets)
        n_classes = given.shape[-1] if given.ndim > 1 else None
        ours, back = (given, None) if self.scores is None else self.scores.forward(given)
        if self.targets is not None:
            needed = {name: settings[name] for name in self.targets.parameters}
            truth = self.targets.forward(truth, n_classes, **needed)
        if not self.link.elementwise and truth.shape == ours.shape:
            settings.pop("ignore_index", None)  # which speaks of class indices
        loss = self._loss(settings, n_classes)
        call = {name: settings[name] for name in _CALL if settings.get(name) is not None}
        factor = settings.get("factor", 1.0)
        if self.denominator and loss.reduction == "mean":
            call.setdefault("normalizer", self._count(loss, ours, truth, call.get("sample_weight")))
        with renamed(logits="scores"):
            value, gradient = loss.value_and_grad(ours, truth, engine=engine, **call)
        gradient = gradient if back is None else back(gradient)
        return value * factor, gradient * factor

    def _loss(self, settings: Mapping[str, Any], n_classes: int | None) -> Loss:
        settings = dict(settings)
        for name, reading in _READINGS.items():
            if name in settings:
                settings |= reading(settings.pop(name), n_classes)
        margin_parameters = {
            name: settings[name] for name in self.family.ranges if name in settings
        }
        options = {name: settings[name] for name in _OPTIONS if name in settings}
        return Loss(self.link, self.family(**margin_parameters), **options)

    def _count(self, loss: Loss, scores: Array, targets: Array, weight: Any) -> float:
        """Return the divisor of the framework's mean."""
        if self.denominator == "elements":
            return float(scores.size)
        if self.denominator == "weights" and weight is not None:
            return float(np.sum(weight))
        if loss.ignore_index is None or targets.shape == scores.shape:
            return float(scores.size if loss.link.elementwise else scores.size / scores.shape[-1])
        return float(np.count_nonzero(targets != loss.ignore_index))
