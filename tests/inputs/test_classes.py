"""Classes that are masked are as if they were not there: in the core, for every link and engine."""

import numpy as np
import pytest
import registry

from focalis import Loss, margin

MASK = np.array([True, False, True, True])
RNG = np.random.default_rng(0)
LOGITS, SIMPLEX = RNG.normal(size=(5, 4)), RNG.dirichlet([1.0] * 4, 5)
INDEX = np.array([0, 2, 1, 1, 2])
DENSE = RNG.uniform(size=(5, 4)) * MASK
WEIGHT = np.array([1.0, 0.0, 2.0, 3.0, 0.5])
SETTINGS = [
    {"label_smoothing": 0.1, "class_weight": True},
    {"label_smoothing": 0.1, "positives": "mean", "reduction": "none"},
    {"class_weight": True, "reduction": "batchmean"},
]


def with_weights(settings, kept):
    by_class = np.array([1.0, 2.0, 3.0, 4.0])[kept]
    return {**settings, **({"class_weight": by_class} if "class_weight" in settings else {})}


@pytest.mark.parametrize(
    ("link", "engine"),
    [
        *registry.grid(registry.LINKS, ["numpy"]),
        ("softmax", "numba"),
        ("sigmoid", "numba"),
    ],
)
def test_as_if_they_were_not_there(link, engine):
    x = LOGITS if link in ("softmax", "sigmoid") else SIMPLEX
    elementwise = link in ("sigmoid", "identity")
    whole = np.where(MASK, x, np.nan)
    indices = (np.array([0, 2, 3])[INDEX], INDEX)
    for settings in SETTINGS:
        if elementwise:
            settings = {k: v for k, v in settings.items() if k != "positives"}
        masked = Loss(link, margin.focal(2.0), **with_weights(settings, slice(None)))
        without = Loss(link, margin.focal(2.0), **with_weights(settings, MASK))
        for y, fewer in [(DENSE, DENSE[:, MASK])] + [indices] * (not elementwise):
            given = {"sample_weight": WEIGHT, "engine": engine}
            value, grad = masked.value_and_grad(whole, y, class_where=MASK, **given)
            true, true_grad = without.value_and_grad(x[:, MASK], fewer, **given)
            if masked.reduction == "none" and elementwise:
                value = value[:, MASK]
            elif masked.reduction == "batchmean" and elementwise:
                assert np.isfinite(value)
            np.testing.assert_allclose(value, true, rtol=1e-12)
            np.testing.assert_allclose(grad[:, MASK], true_grad, rtol=1e-12, atol=1e-15)
            assert not grad[:, ~MASK].any()
            for curvature in ("exact", "fisher"):
                hess = masked.grad_and_hess(
                    whole, y, class_where=MASK, curvature=curvature, **given
                )[1]
                true = without.grad_and_hess(x[:, MASK], fewer, curvature=curvature, **given)[1]
                np.testing.assert_allclose(hess[:, MASK], true, rtol=1e-10, atol=1e-13)
                assert not hess[:, ~MASK].any()


@pytest.mark.slow
@pytest.mark.parametrize("link", ["softmax", "simplex"])
def test_a_masked_target_is_refused(link):
    loss, x = Loss(link, margin.focal(2.0)), SIMPLEX
    counts = np.array([True, False, True, True, True])
    for y in (np.array([0, 1, 2, 3, 0]), np.where(MASK | counts[:, None], DENSE, 0.5)):
        with pytest.raises(ValueError, match=r"class_where does not mask, got .* at position \(?1"):
            loss(x, y, class_where=MASK)
        value = loss(x, y, class_where=MASK, where=counts)
        assert value == loss(x, y, class_where=MASK, sample_weight=counts.astype(float))
        assert value == pytest.approx(loss(x[counts], y[counts], class_where=MASK))


@pytest.mark.slow
def test_a_row_without_a_class_counts_nothing():
    mask, counts = np.ones((5, 4), bool), np.arange(5) != 1
    mask[1] = False
    loss = Loss("softmax", margin.focal(2.0), label_smoothing=0.1)
    assert loss(LOGITS, [0, 9, 2, 3, 1], class_where=mask) == pytest.approx(
        loss(LOGITS[counts], [0, 2, 3, 1])
    )
    assert loss(LOGITS, [0, 9, 2, 3, 1], class_where=np.zeros(4, bool)) == 0


def test_a_mask_that_does_not_fit_is_named():
    loss = Loss("softmax", margin.focal(2.0))
    for mask, error in ((np.ones(4), TypeError), (np.ones(3, bool), ValueError)):
        with pytest.raises(error, match="class_where must"):
            loss(LOGITS, INDEX, class_where=mask)
    with pytest.raises(ValueError, match="no class axis"):
        Loss("sigmoid", margin.focal(2.0))(LOGITS[:, 0], INDEX > 0, class_where=[True] * 5)


def in_torch(loss, x, y, **given):
    torch = pytest.importorskip("torch")
    from focalis.torch import LossModule

    scores = torch.tensor(x, requires_grad=True)
    tensors = {name: torch.tensor(array) for name, array in given.items()}
    value = LossModule(loss)(scores, torch.tensor(y), **tensors)
    value.backward()
    return value.detach().numpy(), scores.grad.numpy()


def in_jax(loss, x, y, **given):
    jax = pytest.importorskip("jax")
    from focalis.jax import apply

    with jax.enable_x64(True):
        value, grad = jax.value_and_grad(lambda x: apply(loss, x, y, **given))(x)
    return np.asarray(value), np.asarray(grad)


@pytest.mark.slow
@pytest.mark.parametrize("front_end", [in_torch, in_jax])
def test_in_every_front_end(front_end):
    by_row = np.broadcast_to(MASK, (5, 4)).copy()
    by_row[0] = [True, True, True, False]
    dense = DENSE * by_row
    for link in ("softmax", "simplex", "sigmoid", "identity"):
        x = np.where(by_row, LOGITS if link in ("softmax", "sigmoid") else SIMPLEX, np.nan)
        loss = Loss(link, margin.focal(2.0), label_smoothing=0.1)
        targets = [dense] if link in ("sigmoid", "identity") else [dense, [0, 3, 2, 2, 3]]
        for y in map(np.asarray, targets):
            given = {"class_where": by_row, "sample_weight": WEIGHT}
            value, grad = loss.value_and_grad(x, y, **given)
            found, slopes = front_end(loss, x, y, **given)
            np.testing.assert_allclose(found, value, rtol=1e-12)
            np.testing.assert_allclose(slopes, grad, rtol=1e-11, atol=1e-15)
            assert not slopes[~by_row].any()
            step = 1e-6 * np.eye(4)[2]
            difference = loss(x + step, y, **given) - loss(x - step, y, **given)
            assert difference / 2e-6 == pytest.approx(slopes[:, 2].sum(), rel=1e-6, abs=1e-9)
    loss = Loss("softmax", margin.focal(2.0), label_smoothing=0.1)
    for y in (np.array([0, 1, 2, 3, 0]), np.full((5, 4), 0.25)):
        with pytest.raises(ValueError, match="class_where does not mask"):
            front_end(loss, LOGITS, y, class_where=MASK)


def test_a_row_without_a_class_counts_nothing_in_operations():
    torch = pytest.importorskip("torch")
    from focalis.torch import apply

    mask = torch.tensor([[True, False, True, True]] * 5)
    mask[2] = False
    x, y = torch.tensor(LOGITS), torch.tensor(np.array([0, 2, 0, 3, 2]))
    loss = Loss("softmax", margin.focal(2.0))
    rows = torch.tensor([0, 1, 3, 4])

    def value(x):
        return apply(loss, x, y, class_where=mask)

    expected = apply(loss, x[rows], y[rows], class_where=mask[rows])
    found = torch.func.grad_and_value(value)(x)[1]
    torch.testing.assert_close(found, expected)


@pytest.mark.slow
def test_a_mask_of_classes_that_are_not_the_last_axis():
    """One number for each class, whatever axis is theirs."""
    torch, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    import focalis.jax
    from focalis.torch import apply

    loss, labels = Loss("softmax", margin.focal(2.0)), np.flatnonzero(MASK)[[0, 2, 1, 1, 2]]
    expected = loss(LOGITS, labels, class_where=MASK, engine="numpy")
    turned = np.ascontiguousarray(LOGITS.T)[None]
    found = apply(loss, *map(torch.tensor, (turned, labels[None])), class_where=torch.tensor(MASK))
    assert found.item() == pytest.approx(expected)
    with jax.enable_x64(True):
        found = focalis.jax.apply(loss, turned, labels[None], class_where=MASK, axis=1)
    assert float(found) == pytest.approx(expected)


def test_a_masked_row_may_have_any_target_beside_a_mask_of_classes():
    torch = pytest.importorskip("torch")
    from focalis.torch import apply

    labels, kept = np.array([0, 2, 0, 3, 99]), np.array([True, False, True, True, False])
    loss, given = Loss("softmax", margin.focal(2.0)), {"class_where": MASK, "where": kept}
    expected = loss(LOGITS, labels, engine="numpy", **given)
    given = {name: torch.tensor(mask) for name, mask in given.items()}
    assert apply(loss, torch.tensor(LOGITS), torch.tensor(labels), **given).item() == pytest.approx(
        expected
    )
