"""The function under examination: how to call it, worked out by rules from a first call."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from focalis.catalogue import entries
from focalis.loss import Loss
from focalis.maths.links import Link
from focalis.settings_table import SETTINGS
from focalis.testing.frameworks import Answer, Framework, RefusalError, find
from focalis.testing.inputs import Inputs, ordinary
from focalis.testing.judging import told

Array = np.ndarray

_TARGET_NAMES = {"y_true", "targets", "target", "labels", "label", "y"}
_READ = tuple(row.name for row in SETTINGS if row.kind != "word")
_SETTINGS = (*_READ, "sample_weight", "where", "reduction")
_TRIED_ROWS = 3


class Form(NamedTuple):
    """How arrays are passed: with or without a class axis of one, and one-hot targets or not."""

    column: bool
    one_hot: bool


class Subject:
    """A function, its framework, and the form in which it takes a batch.

    It takes logits and targets, or the reverse if its first argument is named after targets. Parameters
    and settings of the loss are passed to it if it has arguments of the same names; `arguments` are
    further ones. The framework "auto" tries those that are loaded; `tolerance` is a factor on the
    permitted error.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        loss: Loss,
        framework: str,
        arguments: dict[str, Any],
        tolerance: float,
    ) -> None:
        if not callable(function):
            raise TypeError(f"function must be callable, got {type(function).__name__}")
        self.function, self.loss, self.tolerance = function, loss, tolerance
        self._defaults = _arguments(function)
        self._names = list(self._defaults)
        self._targets_first = bool(self._names) and self._names[0] in _TARGET_NAMES
        self._arguments = dict(arguments)
        self._called: dict[str, str] = {}
        self.written: set[str] = set()
        self.framework, self.form, self.one_by_one = self._try(find(framework))
        if self.framework.name == "torch":
            self._called = _names_in_torch(loss.link)

    def has(self, name: str) -> bool:
        """Return whether the function has an argument for a setting that the caller has not set."""
        argument = self._argument(name)
        return argument in self._names[2:] and argument not in self._arguments

    @property
    def unknown(self) -> list[str]:
        """The arguments of the function that are never set."""
        known = {*self.loss.margin_loss.parameters, *_SETTINGS}
        known |= {self._argument(name) for name in known}
        return [name for name in self._names[2:] if name not in known | self._arguments.keys()]

    def _argument(self, name: str) -> str:
        """Return the function's name for a setting."""
        return name if name in self._names else self._called.get(name, name)

    def call(self, loss: Loss, inputs: Inputs, order: int, **more: Any) -> Answer:
        """Return the function's results on a batch, with one number for each row or element.

        Errors are passed on.
        """
        reduction = {"reduction": "none"} if self.has("reduction") else {}
        if self.one_by_one:
            answers = [
                self.call_whole(loss, inputs.row(i), order, **{**reduction, **_row(more, i)})
                for i in range(len(inputs))
            ]
            return Answer(*(_joined(parts) for parts in zip(*answers, strict=True)))
        return self.call_whole(loss, inputs, order, **{**reduction, **more})

    def call_whole(self, loss: Loss, inputs: Inputs, order: int, **more: Any) -> Answer:
        """Return the function's results on a batch in one call, and record what it writes to."""
        return self._call(self.framework, self.form, loss, inputs, order, more)

    def call_as_far(
        self, loss: Loss, inputs: Inputs, order: int, whole: bool = False, **more: Any
    ) -> tuple[Answer, dict[int, Exception]]:
        """Return the answer of the highest order available, and the errors of the higher ones."""
        call = self.call_whole if whole else self.call
        trouble: dict[int, Exception] = {}
        for asked in range(order, -1, -1):
            try:
                return call(loss, inputs, asked, **more), trouble
            except Exception as error:
                trouble[asked] = error
        return Answer(None), trouble

    def _call(
        self,
        framework: Framework,
        form: Form,
        loss: Loss,
        inputs: Inputs,
        order: int,
        more: dict[str, Any],
    ) -> Answer:
        x, y = inputs.logits, inputs.targets
        if form.column and x.ndim == 1:
            x, y = x[:, None], y[:, None]
        if form.one_hot and y.ndim == 1:
            y = _one_hot(y, x)
        more = {**self._settings(loss), **more}
        numbers = {"logits": x, "targets": y}
        numbers |= {name: value for name, value in more.items() if isinstance(value, np.ndarray)}
        arrays = {name: framework.array(value, inputs.dtype) for name, value in numbers.items()}
        before = {name: framework.numpy(array) for name, array in arrays.items()}
        more |= {name: array for name, array in arrays.items() if name in more}
        keywords = {**self._arguments, **{self._argument(k): value for k, value in more.items()}}
        function = self._bound(keywords)
        with _staying():
            answer = framework.derive(function, arrays["logits"], arrays["targets"], order)
        for name, array in arrays.items():
            if not np.array_equal(framework.numpy(array), before[name], equal_nan=True):
                self.written.add(name)
        rows = answer.value is not None and answer.value.size == len(x) and answer.value.ndim > 0
        return Answer(
            answer.value.reshape(len(x)) if rows and answer.value is not None else answer.value,
            *(None if a is None else a.reshape(inputs.logits.shape) for a in answer[1:]),
        )

    def _bound(self, keywords: dict[str, Any]) -> Callable[[Any, Any], Any]:
        if hasattr(self.function, "grad_and_hess"):
            return _BoundLoss(self.function, keywords)
        if self._targets_first:
            return lambda x, y: self.function(y, x, **keywords)
        return lambda x, y: self.function(x, y, **keywords)

    def _settings(self, loss: Loss) -> dict[str, Any]:
        """Return the parameters and settings of a loss for which the function has arguments."""
        settings = {
            **loss.margin_loss.parameters,
            **{name: getattr(loss, name) for name in _READ},
            "label_smoothing": loss.label_smoothing or None,
        }
        found = {k: v for k, v in settings.items() if v is not None and self.has(k)}
        default = self._defaults.get("alpha")
        # torchvision switches it off with −1.
        off = default is None or (isinstance(default, int | float) and default == -1)
        if loss.alpha is None and self.has("alpha") and not off:
            raise RefusalError(
                f"the function has alpha={default} by default and the loss has none: give the loss that "
                "alpha (--alpha), or switch it off in the function by one more argument "
                "(--with alpha=-1)"
            )
        for name, value in found.items():
            if isinstance(value, tuple) or name == "pos_weight":  # PyTorch needs a tensor
                found[name] = np.array(value, np.float32)
        return found

    def _try(self, frameworks: list[Framework]) -> tuple[Framework, Form, bool]:
        """Return the first framework and form in which a small batch gives numbers."""
        if self.loss.link.elementwise:
            forms = [Form(False, False), Form(True, False)]
        else:
            forms = [Form(False, False), Form(False, True)]
        inputs = ordinary(self.loss.link, "float32", _TRIED_ROWS)
        reduction = {"reduction": "none"} if self.has("reduction") else {}
        refusals, single = [], None
        for framework in frameworks:
            for form in forms:
                try:
                    found = self._first(framework, form, inputs, reduction)
                except RefusalError:
                    raise
                except Exception as error:
                    refusals.append(f"{framework.name}: {told(error)}")
                    continue
                # Functions of other frameworks may also take NumPy's arrays, but no others.
                takers = frameworks if framework.name == "numpy" else [framework]
                owner = next((f for f in takers if f.owns(found)), None)
                if owner is None:
                    refusals.append(f"{framework.name}: it returned {_described(found)}")
                    continue
                size = np.size(owner.numpy(found[0] if isinstance(found, tuple) else found))
                if size == _TRIED_ROWS:
                    return owner, form, False
                if size == 1:
                    single = single or (owner, form, True)
                else:
                    refusals.append(f"{framework.name}: it returned {size} numbers for 3 rows")
            if single:
                return single
        raise ValueError(
            "the function must take logits and targets and return one number, or one for each "
            "row; it could not be called: " + " | ".join(dict.fromkeys(refusals))
        )

    def _first(self, framework: Framework, form: Form, inputs: Inputs, more: dict[str, Any]) -> Any:
        x, y = inputs.logits, inputs.targets
        if form.column:
            x, y = x[:, None], y[:, None]
        if form.one_hot:
            y = _one_hot(y, x)
        keywords = {**self._arguments, **self._settings(self.loss), **more}
        keywords = {
            k: framework.array(v, "float32") if isinstance(v, np.ndarray) else v
            for k, v in keywords.items()
        }
        arrays = framework.array(x, "float32"), framework.array(y, "float32")
        with _staying():
            return self._bound(keywords)(*arrays)


class _BoundLoss:
    """An object with the methods of `Loss`, and keywords for each of its calls."""

    def __init__(self, loss: Any, keywords: dict[str, Any]) -> None:
        self._loss, self._keywords = loss, keywords

    def __call__(self, x: Any, y: Any) -> Any:
        return self._loss(x, y, **self._keywords)

    def value_and_grad(self, x: Any, y: Any) -> Any:
        return self._loss.value_and_grad(x, y, **self._keywords)

    def grad_and_hess(self, x: Any, y: Any) -> Any:
        return self._loss.grad_and_hess(x, y, **self._keywords)


@contextlib.contextmanager
def _staying() -> Iterator[None]:
    """Turn a request to exit the program, which a function may make, into an ordinary error."""
    try:
        yield
    except SystemExit as error:
        raise RuntimeError(f"ends the program with {error.code!r}") from error


def _described(found: Any) -> str:
    kind = type(found)
    if isinstance(found, tuple):
        return f"a tuple of {', '.join(type(part).__name__ for part in found) or 'nothing'}"
    return (
        "None" if found is None else f"a {kind.__module__}.{kind.__name__}".replace("builtins.", "")
    )


def _arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a function's arguments by name, with their defaults."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # compiled code may have no signature
        return {}
    return {
        p.name: None if p.default is p.empty else p.default
        for p in parameters
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }


def _names_in_torch(link: Link) -> dict[str, str]:
    """Return the settings that PyTorch's losses of a link call by another name, with that name."""
    settings: dict[str, str] = {}
    for entry in entries("PyTorch"):
        for parameter in entry.parameters if entry.link == link else ():
            if parameter.name != parameter.setting:
                settings.setdefault(parameter.name, parameter.setting)
    return {setting: name for name, setting in settings.items()}


def _one_hot(labels: Array, like: Array) -> Array:
    return np.asarray(np.arange(like.shape[1]) == labels[:, None], like.dtype)


def _row(more: dict[str, Any], i: int) -> dict[str, Any]:
    """Return the arguments for one row, taking its part of those with a number per row."""
    rows = ("sample_weight", "where")
    return {name: value[i : i + 1] if name in rows else value for name, value in more.items()}


def _joined(parts: tuple[Any, ...]) -> Array | None:
    if any(part is None for part in parts):
        return None
    return np.concatenate([np.atleast_1d(part) for part in parts])
