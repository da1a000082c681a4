"""How to call a loss in each framework, and how to get its derivatives.

A front end accepts and returns NumPy arrays. Derivatives are those of the sum of what the loss returns,
and the Hessian is its diagonal. Errors from the framework are raised.
"""

import contextlib
import importlib
import importlib.util
import sys
from typing import Any, NamedTuple, Protocol

import numpy as np

Array = np.ndarray
Function = Any  # a callable of logits and targets, or an object with the methods of Loss


class RefusalError(ValueError):
    """An objection of the examination to a call, as opposed to an error that the call raised."""


class Answer(NamedTuple):
    """The result of a call: float64 arrays, None for what was not requested or is not available."""

    value: Array | None
    gradient: Array | None = None
    hessian: Array | None = None


class Framework(Protocol):
    """What the examination needs from a framework."""

    @property
    def name(self) -> str:
        """The name that users pass."""

    @property
    def differentiates(self) -> bool:
        """Whether the framework itself computes the derivatives."""

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The names of the floating types that it supports."""

    def array(self, numbers: Array, dtype: str) -> Any:
        """Return a new array of the framework; integers stay integers."""

    def numpy(self, array: Any) -> Array:
        """Return a copy of an array as float64; booleans and integers keep their type."""

    def owns(self, thing: Any) -> bool:
        """Return whether a result belongs to this framework."""

    def derive(self, function: Function, logits: Any, targets: Any, order: int) -> Answer:
        """Return the value and the derivatives up to an order."""


class _NumPy:
    """A function that returns value, or value and gradient, or value, gradient and Hessian."""

    name = "numpy"
    differentiates = False

    def __init__(self) -> None:
        bfloat16 = ("bfloat16",) if importlib.util.find_spec("ml_dtypes") else ()
        self.dtypes = ("float32", "float64", "float16", *bfloat16)

    def array(self, numbers: Array, dtype: str) -> Any:
        if numbers.dtype.kind != "f":
            return numbers.copy()
        if dtype == "bfloat16":
            import ml_dtypes

            return numbers.astype(ml_dtypes.bfloat16)
        with np.errstate(over="ignore"):
            return numbers.astype(dtype)

    def numpy(self, array: Any) -> Array:
        return _real(np.array(array))

    def owns(self, thing: Any) -> bool:
        parts = thing if isinstance(thing, tuple) else (thing,)
        numbers = np.ndarray | np.number | float | int
        return (
            1 <= len(parts) <= len(Answer._fields)
            and isinstance(parts[0], numbers)
            and all(isinstance(part, numbers | None) for part in parts[1:])
        )

    def derive(self, function: Function, logits: Any, targets: Any, order: int) -> Answer:
        if order == 0 or not hasattr(function, "grad_and_hess"):
            found = function(logits, targets)
            parts = found if isinstance(found, tuple) else (found,)
            return Answer(*(None if part is None else self.numpy(part) for part in parts))
        value, gradient = function.value_and_grad(logits, targets)
        hessian = None
        if order == 2:
            hessian = self.numpy(function.grad_and_hess(logits, targets)[1])
        return Answer(self.numpy(value), self.numpy(gradient), hessian)


class _Torch:
    """A differentiable function of tensors, on the CPU."""

    name = "torch"
    dtypes = ("float32", "float64", "float16", "bfloat16")
    differentiates = True

    def array(self, numbers: Array, dtype: str) -> Any:
        import torch

        made = torch.tensor(numbers)
        return made.to(getattr(torch, dtype)) if numbers.dtype.kind == "f" else made

    def numpy(self, array: Any) -> Array:
        import torch

        found = array.detach()
        found = found.to(torch.float64) if found.is_floating_point() else found
        return _real(found.numpy().copy())  # otherwise it would share the tensor's memory

    def owns(self, thing: Any) -> bool:
        import torch

        return isinstance(thing, torch.Tensor)

    def derive(self, function: Function, logits: Any, targets: Any, order: int) -> Answer:
        import torch

        x = logits.requires_grad_(order > 0)
        value = function(x, targets)
        if order == 0:
            return Answer(self.numpy(value))
        if not value.requires_grad:
            raise RefusalError("returns no gradient: its result is cut off from the logits")
        (gradient,) = torch.autograd.grad(value.sum(), x, create_graph=order == 2)
        if order == 1:
            return Answer(self.numpy(value), self.numpy(gradient))
        if not gradient.requires_grad:
            raise RefusalError("its gradient cannot be differentiated again")
        columns = [...] if x.ndim == 1 else [(slice(None), j) for j in range(x.shape[1])]
        hessian = torch.empty(x.shape, dtype=x.dtype)
        for column in columns:
            total = gradient[column].sum()
            hessian[column] = torch.autograd.grad(total, x, retain_graph=True)[0][column]
        return Answer(self.numpy(value), self.numpy(gradient), self.numpy(hessian))


class _JAX:
    """A differentiable function of JAX's arrays."""

    name = "jax"
    dtypes = ("float32", "float64", "float16", "bfloat16")
    differentiates = True

    def array(self, numbers: Array, dtype: str) -> Any:
        import jax.numpy as jnp

        with _sixty_four_bits():
            made = jnp.array(numbers)
            return made.astype(dtype) if numbers.dtype.kind == "f" else made.astype("int32")

    def numpy(self, array: Any) -> Array:
        return _real(np.asarray(array))

    def owns(self, thing: Any) -> bool:
        import jax

        return isinstance(thing, jax.Array)

    def derive(self, function: Function, logits: Any, targets: Any, order: int) -> Answer:
        import jax
        import jax.numpy as jnp

        with _sixty_four_bits():
            value = self.numpy(function(logits, targets))
            if order == 0:
                return Answer(value)
            slope = jax.grad(lambda x: function(x, targets).sum())
            gradient = self.numpy(slope(logits))
            if order == 1:
                return Answer(value, gradient)
            columns: list[Any] = [...]
            if logits.ndim > 1:
                columns = [(slice(None), j) for j in range(logits.shape[1])]
            hessian = np.empty(logits.shape)
            for column in columns:
                along = jnp.zeros_like(logits).at[column].set(1)
                hessian[column] = self.numpy(jax.jvp(slope, (logits,), (along,))[1])[column]
            return Answer(value, gradient, hessian)


def _real(array: Array) -> Array:
    """Return numbers as float64; booleans and integers keep their type."""
    if array.dtype.kind == "c":
        raise RefusalError("the function returns complex numbers")
    return array if array.dtype.kind in "biu" else array.astype(np.float64)


def _sixty_four_bits() -> contextlib.AbstractContextManager[Any]:
    """Return JAX's switch for float64, which it otherwise replaces by float32."""
    jax: Any = importlib.import_module("jax")
    # Where it was before it left "experimental".
    home = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")
    return home.enable_x64(True)  # type: ignore[no-any-return]


FRAMEWORKS: dict[str, type[Framework]] = {"numpy": _NumPy, "torch": _Torch, "jax": _JAX}


def find(name: str) -> list[Framework]:
    """Return the framework of that name; for "auto" those that are loaded, NumPy first."""
    if name == "auto":
        return [make() for key, make in FRAMEWORKS.items() if key in sys.modules]
    if name not in FRAMEWORKS:
        choices = ", ".join(map(repr, ("auto", *FRAMEWORKS)))
        raise ValueError(f"framework must be one of {choices}, got {name!r}")
    if importlib.util.find_spec(name) is None:
        raise ValueError(f"framework={name!r} is not installed")
    return [FRAMEWORKS[name]()]
