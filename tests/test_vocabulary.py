"""Whatever a margin loss runs on has an operation for each primitive, or says which it lacks."""

import mpmath
import numpy as np
import pytest

from focalis import vocabulary
from focalis.engines.tracing import Symbol
from focalis.testing.numbers import Condition, Number


def taught():
    """Return the types that are taught, and those of their comparisons."""
    import jax
    import torch

    import focalis.jax  # teaches its arrays
    import focalis.torch  # noqa: F401
    from focalis.catalogue.formulas import _Term
    from focalis.torch._dual import Dual

    array = type(jax.numpy.zeros(()))
    return [
        (Symbol, Symbol), (Number, Condition), (_Term, _Term), (torch.Tensor, torch.Tensor),
        (Dual, torch.Tensor), (array, array), (jax.core.Tracer, jax.core.Tracer),
    ]  # fmt: skip


@pytest.mark.parametrize("name", vocabulary.PRIMITIVES)
def test_every_type_has_every_primitive(name):
    primitive = vocabulary.PRIMITIVES[name]
    for kind, condition in taught():
        found = primitive.dispatch(condition if name == "where" else kind)
        assert found is not primitive.dispatch(object), (kind, name)


def test_the_primitives_are_what_dispatches():
    dispatching = {
        name for name in vocabulary.__all__ if hasattr(getattr(vocabulary, name), "register")
    }
    assert set(vocabulary.PRIMITIVES) == dispatching


class Nothing:
    pass


WHOLE = dict.fromkeys(vocabulary.PRIMITIVES, abs)


@pytest.mark.parametrize("name", vocabulary.PRIMITIVES)
def test_a_table_that_lacks_a_primitive_is_refused(name):
    table = {key: value for key, value in WHOLE.items() if key != name}
    with pytest.raises(TypeError, match=f"operations must have {name}$"):
        vocabulary.teach(table, [Nothing])
    assert vocabulary.exp.dispatch(Nothing) is vocabulary.exp.dispatch(object)


def test_a_table_with_another_word_is_refused():
    with pytest.raises(TypeError, match=r"of primitives, got cosine$"):
        vocabulary.teach(WHOLE | {"cosine": abs}, [Nothing])
    with pytest.raises(TypeError, match=r"of primitives, got where$"):
        vocabulary.teach(WHOLE, [Nothing], conditions=())


def test_what_is_built_from_the_primitives():
    x = np.array([-np.inf, -700.0, -40.0, -1.0, 0.0, 1.5, 40.0, np.inf, np.nan])
    np.testing.assert_array_equal(vocabulary.minimum(x, 1.0), [*x[:5], 1.0, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(vocabulary.maximum(x, 1.0), [*[1.0] * 5, *x[5:8], 1.0])
    for name, true in (
        ("sigmoid", lambda x: 1 / (1 + mpmath.exp(-x))),
        ("softplus", lambda x: mpmath.log1p(mpmath.exp(x))),
    ):
        expected = [float(true(mpmath.mpf(z))) for z in x[1:7]]
        np.testing.assert_allclose(getattr(vocabulary, name)(x[1:7]), expected, rtol=1e-15)
