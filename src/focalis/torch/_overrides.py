"""Tensors that override functions, which is respected here as it is by PyTorch's functions.

A subclass or a mode with a ``__torch_function__`` is handed the function and decides the type of the
result; a symbolic trace (`torch.fx`) records it. Inside the function, a subclass is a plain tensor.
Sharded tensors are gathered: each process computes the whole loss, and the gradient of its shard.
"""

import sys
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.fx import Proxy
from torch.overrides import handle_torch_function, has_torch_function

from focalis.inputs.arguments import Arguments, replaced
from focalis.torch._compat import KINDS, plain


def has_override(given: Arguments, *weights: Any) -> bool:
    """Return whether an argument may override functions; plain tensors and those of traces do not."""
    parameters = given.parameters
    return (
        type(given.logits) not in KINDS
        or type(given.targets) not in KINDS
        or has_torch_function((*given, *weights))
        or (parameters is not None and has_torch_function(tuple(parameters.values())))
    )


def is_symbolic(call: tuple[Any, ...]) -> bool:
    """Return whether an argument is a symbol of `torch.fx`."""
    return any(isinstance(argument, Proxy) for argument in call)


def as_leaf(module: nn.Module, call: tuple[Any, ...]) -> Any:
    """Record the call of a loss module as one node, as `torch.fx` does for PyTorch's modules."""
    tracer: Any = next(argument.tracer for argument in call if isinstance(argument, Proxy))
    names = ("sample_weight", "where", "normalizer", "class_where")
    options = {n: v for n, v in zip(names, call[2:], strict=False) if v is not None}
    return tracer.create_proxy("call_module", tracer.path_of_module(module), call[:2], options)


def handed_over(
    function: Callable[..., Tensor], given: Arguments, weights: tuple[Any, ...], **fixed: Any
) -> Tensor:
    """Return function(given, *weights, **fixed), letting the tensors' types decide."""
    learnt = tuple(given.parameters or ())
    every = (*given[:6], *(given.parameters or {}).values(), *weights)

    def loss(*every: Any) -> Tensor:
        tensors = [plain(one) for one in every]
        arguments, others = Arguments(*tensors[:6]), iter(tensors[6:])
        arguments = replaced(arguments, parameters={name: next(others) for name in learnt})
        return function(arguments, *others, **fixed)

    sharded = sys.modules.get("torch.distributed.tensor")
    if sharded is not None:
        kind = sharded.DTensor
        mesh = next((tensor.device_mesh for tensor in every if isinstance(tensor, kind)), None)
        if mesh is not None:
            whole = [t.full_tensor() if isinstance(t, kind) else t for t in every]
            value = loss(*whole)
            replicated = [sharded.Replicate()] * mesh.ndim
            result: Tensor = kind.from_local(value, mesh, replicated, run_check=False)
            return result
    if has_torch_function(every):
        result = handle_torch_function(loss, every, *every)
        return result
    return loss(*every)
