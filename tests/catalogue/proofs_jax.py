"""optax, and focalis.jax under its names, run for real in a separate process."""

import importlib

import numpy as np
from proofs import ANSWERS, INDICES, LOGITS, MAYBE, ONE_HOT, SOFT, Proof


def by_grad(path):
    """Return the run of a function, which must be found under its name."""
    module, _, name = path.rpartition(".")

    def run(scores, targets, **parameters):
        import jax
        import jax.numpy as jnp

        function = getattr(importlib.import_module(module), name)
        x, y = jnp.asarray(scores, jnp.float32), jnp.asarray(targets)

        @jax.jit
        def both(x):
            gradient = jax.grad(lambda x: function(x, y, **parameters).sum())(x)
            return function(x, y, **parameters), gradient

        return tuple(np.asarray(one) for one in both(x))

    return run


def optax_losses():
    focal = ({}, {"gamma": 0.5}, {"alpha": 0.25, "gamma": 1.0})
    inputs = {
        "sigmoid_binary_cross_entropy": [(MAYBE, ({},))],
        "softmax_cross_entropy": [(SOFT, ({},)), (ONE_HOT, ({},))],
        "safe_softmax_cross_entropy": [(SOFT, ({},))],
        "softmax_cross_entropy_with_integer_labels": [(INDICES, ({},))],
        "sigmoid_focal_loss": [(ANSWERS, focal)],
        "losses.poly_loss_cross_entropy": [(SOFT, ({}, {"epsilon": -0.5}))],
    }
    proofs = [
        Proof(f"optax.{name}", by_grad(f"optax.{name}"), LOGITS, targets, cases, 1e-5)
        for name, given in inputs.items()
        for targets, cases in given
    ]
    # focalis.jax has its own tests; here it is enough that these names exist.
    for name in ("sigmoid_focal_loss", "softmax_cross_entropy_with_integer_labels"):
        targets, cases = inputs[name][0]
        run = by_grad(f"focalis.jax.{name}")
        proofs.append(Proof(f"optax.{name}", run, LOGITS, targets, cases[:1], 1e-5))
    return proofs
