"""Whatever a margin loss runs on has an operation for each primitive, or says which it lacks."""

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
