"""The private parts of PyTorch that this front end needs; no other module here uses a private name.

Each use says why there is no public way, and what would make it obsolete. Tested with PyTorch 2.13.
"""

import contextlib
import types
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch._C._functorch import (
    get_unwrapped,
    is_batchedtensor,
    is_functorch_wrapped_tensor,
    is_legacy_batchedtensor,
    unwrap_if_dead,
)
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch._subclasses.fake_tensor import FakeTensor
from torch._subclasses.functional_tensor import FunctionalTensor
from torch.autograd import forward_ad
from torch.nn import _reduction
from torch.utils._python_dispatch import _disable_current_modes

__all__ = [
    "KINDS",
    "STAND_INS",
    "apply_directly",
    "decompose",
    "forward_mode_enabled",
    "guards_scalars",
    "has_tangent",
    "in_forward_mode",
    "is_batched",
    "is_exporting",
    "is_traced",
    "keep_the_compiler_out",
    "legacy_reduction_name",
    "memory",
    "plain",
    "reading",
    "transforms_are_active",
    "unbatched",
]

Function = TypeVar("Function", bound=Callable[..., Any])

STAND_INS = (FakeTensor, FunctionalTensor)
"""The types that stand for tensors in a trace. No public name, until `torch.compiler` offers a test."""

KINDS = (Tensor, torch.nn.Parameter, *STAND_INS)
"""The types that the kernels, or their operators, take directly."""

transforms_are_active: Callable[[], bool] = torch._C._are_functorch_transforms_active
"""Whether a transform of `torch.func` is active. No public name; `torch.func` offers none."""

_active_modes: Callable[[], int] = torch._C._len_torch_dispatch_stack
_tracing_state: Callable[[], Any] = torch._C._get_tracing_state

legacy_reduction_name: Callable[[Any, Any], str] = _reduction.legacy_get_string
"""PyTorch's reading of its deprecated arguments, with its warning. Obsolete once PyTorch drops them."""


def is_traced(logits: Tensor) -> bool:
    """Return whether operations are being recorded or watched, other than by the compiler.

    The modes and the state of `torch.jit.trace` have no public names; the latter goes with TorchScript.
    """
    return bool(type(logits) in STAND_INS or _active_modes() or _tracing_state() is not None)


def in_forward_mode() -> bool:
    """Return whether a level of `torch.autograd.forward_ad` is open, which has no public name."""
    return forward_ad._current_level >= 0


def has_tangent(tensor: Tensor) -> bool:
    """Return whether a tensor carries a derivative in forward mode."""
    if not in_forward_mode():
        return False
    dual = forward_ad.unpack_dual(tensor)  # type: ignore[no-untyped-call]
    return dual.tangent is not None


def forward_mode_enabled() -> Any:
    """Return a context that enables forward mode, which PyTorch disables in a `jvp`; no public name."""
    return forward_ad._set_fwd_grad_enabled(True)


def apply_directly(function: type[torch.autograd.Function], logits: Tensor, *others: Any) -> Tensor:
    """Return `function.apply` of these where no transform is active, which was found out before.

    What PyTorch's wrapper looks for again takes as long as all our checks. It has no public name.
    """
    directly: Any = super(torch.autograd.Function, function)
    value: Tensor = directly.apply(unwrap_if_dead(logits), *others)
    return value


def is_batched(tensor: Tensor) -> bool:
    """Return whether a tensor is one of torch.func's, or of the older vmap behind ``is_grads_batched=``.

    No public name; the older vmap goes once `torch.autograd.grad` uses the newer one.
    """
    return is_functorch_wrapped_tensor(tensor) or is_legacy_batchedtensor(tensor)


def unbatched(tensor: Tensor) -> Tensor:
    """Return the tensor under all levels of vmap, whose wrappers have no tangent to unpack.

    No public name.
    """
    while is_batchedtensor(tensor):
        tensor = get_unwrapped(tensor)
    return tensor


def plain(value: Any) -> Any:
    """Return an instance of a tensor subclass as a plain tensor, with its memory and its gradient.

    A subclass that redefines operations (a DTensor, a stand-in), or a non-tensor, is left unchanged.
    """
    kind = type(value)
    if kind in KINDS or not isinstance(value, Tensor) or _has_operations(kind):
        return value
    return value.as_subclass(Tensor)


def memory(tensor: Tensor) -> Tensor | None:
    """Return the plain CPU tensor that holds a tensor's numbers, or None if they cannot be read now.

    There is no public way to unwrap the tensors of `torch.func`.
    """
    if torch.compiler.is_compiling() or _tracing_state() is not None:
        return None
    while is_functorch_wrapped_tensor(tensor):
        if is_batchedtensor(tensor):
            return None
        tensor = get_unwrapped(tensor)
    readable = (
        tensor.is_cpu
        and tensor.layout is torch.strided
        and not _has_operations(type(tensor))
        and not is_legacy_batchedtensor(tensor)
        and not tensor._is_zerotensor()
    )
    return tensor if readable else None


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Hide what is done inside from transforms, modes, subclasses and autograd.

    No public name covers all of them.
    """
    with (
        temporarily_clear_interpreter_stack(),
        _disable_current_modes(),
        torch._C.DisableTorchFunction(),
        torch.no_grad(),
    ):
        yield


def is_exporting() -> bool:
    """Return whether `torch.export` is tracing; PyTorch before 2.7 cannot tell."""
    ask = getattr(torch.compiler, "is_exporting", None)
    return ask is not None and bool(ask())


def keep_the_compiler_out(function: Function) -> Function:
    """Stop the compiler from starting again inside a function after giving up on its caller.

    ``torch.compiler.disable`` would add a wrapper to every call. Has no effect before PyTorch 2.7.
    """
    frames = torch._C._dynamo.eval_frame
    if isinstance(function, types.FunctionType) and hasattr(frames, "set_code_exec_strategy"):
        skip = frames._FrameAction.SKIP
        frames.set_code_exec_strategy(function.__code__, frames._FrameExecStrategy(skip, skip))
    return function


def guards_scalars(guard: Callable[..., Any]) -> bool:
    """Return whether the compiler can trace `guard`, which makes a number constant (PyTorch ≥ 2.5)."""
    from torch._dynamo.trace_rules import lookup  # brings the compiler
    from torch._dynamo.variables import SkipFunctionVariable

    return lookup(guard) is not SkipFunctionVariable


def decompose(operator: Any, function: Callable[..., Any]) -> None:
    """Give exporters to other formats (ONNX) an operator's meaning in operations that they know.

    `torch.library` registers kernels but not decompositions.
    """
    torch._decomp.register_decomposition(operator)(function)


def _has_operations(kind: type) -> bool:
    """Return whether a tensor type redefines operations."""
    return kind.__torch_dispatch__ is not Tensor.__torch_dispatch__  # type: ignore[attr-defined]
