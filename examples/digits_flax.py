"""A network in Flax NNX on scikit-learn's digits, with cross-entropy and with a focal loss.

The last bias starts at the constant logits that minimise the loss. After training, the posterior
corrects the probabilities that the focal loss distorts.
"""

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from sklearn.datasets import load_digits

import focalis.jax
from focalis import Loss, margin

TRAINING = 1200


def data():
    """Return images and digits for training and for testing."""
    images, digits = load_digits(return_X_y=True)
    x, y = jnp.asarray(images / 16, jnp.float32), jnp.asarray(digits)
    order = jax.random.permutation(jax.random.key(0), len(y))
    x, y = x[order], y[order]
    return (x[:TRAINING], y[:TRAINING]), (x[TRAINING:], y[TRAINING:])


def network(bias):
    """Return a small network whose last bias starts at `bias`."""
    rngs = nnx.Rngs(0)
    model = nnx.Sequential(nnx.Linear(64, 128, rngs=rngs), nnx.relu, nnx.Linear(128, 10, rngs=rngs))
    model.layers[-1].bias[...] = bias
    return model


@nnx.jit(static_argnames="loss")
def step(model, optimizer, x, y, loss):
    """Take one gradient step on a loss, and return the loss."""
    value, gradient = nnx.value_and_grad(lambda model: focalis.jax.apply(loss, model(x), y))(model)
    optimizer.update(model, gradient)
    return value


def train(loss, epochs=10):
    """Return the loss at every step, and the logits and digits of the test images."""
    (x, y), (x_test, y_test) = data()
    model = network(focalis.jax.initial_logits(loss, y))
    optimizer = nnx.Optimizer(model, optax.adam(3e-3), wrt=nnx.Param)
    curve = []
    for epoch in range(epochs):
        for rows in jax.random.permutation(jax.random.key(epoch), len(y)).reshape(-1, 60):
            curve.append(float(step(model, optimizer, x[rows], y[rows], loss)))
    return curve, model(x_test), y_test


if __name__ == "__main__":
    for chosen in (margin.cross_entropy(), margin.focal(gamma=2.0)):
        loss = Loss("softmax", chosen)
        curve, logits, digits = train(loss)
        accuracy = (logits.argmax(axis=-1) == digits).mean()
        raw, corrected = jax.nn.softmax(logits), focalis.jax.posterior(loss, logits)
        print(
            f"{loss}: {curve[0]:.4f} → {curve[-1]:.4f}, accuracy {accuracy:.1%}, "
            f"confidence {raw.max(axis=-1).mean():.3f} → {corrected.max(axis=-1).mean():.3f}"
        )
