"""Arrays whose class axis is not the last one in memory give what contiguous ones give."""

import numpy as np
import pytest
import registry

from focalis import Loss, margin
from focalis.engines.memory_layout import is_planar, layout_of, overlaps_itself

pytestmark = pytest.mark.slow

SHAPES = [(3, 5, 7, 9), (2, 21, 64, 64), (4, 3, 2), (2, 60, 33), (5, 4, 3, 2, 6), (1, 10, 300)]


def images(shape, dtype):
    """Return logits (N, C, d1, …) and class indices (N, d1, …), one of them ignored."""
    rng = np.random.default_rng(len(shape))
    logits = (3 * rng.standard_normal(shape)).astype(dtype)
    targets = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    targets.flat[3] = -100
    return logits, targets, rng.random(targets.shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_class_axis_in_front(shape, reduction):
    logits, targets, weight = images(shape, np.float32)
    view, grad = np.moveaxis(logits, 1, -1), np.full(shape, np.nan, np.float32)
    loss = Loss("softmax", margin.focal(2.0), ignore_index=-100, reduction=reduction)
    value, out = loss.value_and_grad(
        view, targets, sample_weight=weight, out=np.moveaxis(grad, 1, -1)
    )
    copy = np.ascontiguousarray(view)
    expected, expected_grad = loss.value_and_grad(copy, targets, sample_weight=weight)
    np.testing.assert_allclose(value, expected, rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(out, expected_grad, rtol=2e-6, atol=1e-7)
    assert np.shares_memory(out, grad)
    np.testing.assert_allclose(
        loss.value_and_grad(view, targets, sample_weight=weight)[1],
        expected_grad,
        rtol=2e-6,
        atol=1e-7,
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradient_over_the_logits(shape):
    logits, targets, _ = images(shape, np.float32)
    loss = Loss("softmax", margin.focal(2.0), ignore_index=-100)
    view = np.moveaxis(logits, 1, -1)
    expected = loss.value_and_grad(np.ascontiguousarray(view), targets)[1]
    loss.value_and_grad(view, targets, out=view)
    np.testing.assert_allclose(view, expected, rtol=2e-6, atol=1e-7)


def test_masked_pixels_may_hold_anything():
    logits, targets, _ = images((2, 21, 8, 8), np.float32)
    loss = Loss("softmax", margin.focal(2.0))
    where = np.random.default_rng(0).random(targets.shape) < 0.5
    where[targets < 0] = False
    clean = np.where(where[:, None], logits, 0)
    dirty = np.where(where[:, None], logits, np.nan)
    outs = [np.moveaxis(np.empty_like(logits), 1, -1) for _ in range(2)]
    values = [
        loss.value_and_grad(np.moveaxis(x, 1, -1), targets, where=where, out=out)[0]
        for x, out in zip((clean, dirty), outs, strict=True)
    ]
    assert values[0] == values[1]
    np.testing.assert_array_equal(*outs)
    assert not outs[0][~where].any()


def test_a_bad_label_is_found_where_it_is():
    logits, targets, _ = images((2, 21, 8, 8), np.float32)
    targets[targets < 0] = 0
    targets[1, 2, 3] = 21
    with pytest.raises(ValueError, match=r"got 21 at position \(1, 2, 3\)"):
        Loss("softmax", margin.focal(2.0)).value_and_grad(np.moveaxis(logits, 1, -1), targets)


def test_large_images_do_not_depend_on_threads():
    import focalis

    logits, targets, _ = images((3, 5, 256, 256), np.float32)
    targets[targets < 0] = 0
    loss, view = Loss("softmax", margin.focal(2.0)), np.moveaxis(logits, 1, -1)
    before, results = focalis.get_num_threads(), []
    try:
        for n in (1, 2, 8):
            focalis.set_num_threads(n)
            out = np.moveaxis(np.empty_like(logits), 1, -1)
            results.append((loss.value_and_grad(view, targets, out=out)[0], out))
    finally:
        focalis.set_num_threads(before)
    for value, grad in results[1:]:
        assert value == results[0][0]
        np.testing.assert_array_equal(grad, results[0][1])


@pytest.mark.parametrize("step", [1, 2, 7, 12, 1000])
def test_every_row_is_in_one_chunk(step):
    array = np.moveaxis(np.zeros((5, 4, 3, 2)), 1, -1)
    layout = layout_of((array, None), array.shape[:-1], 30)
    assert (layout.blocks, layout.size) == (5, 6)
    rows = [i for lo, hi in layout.spans(step) for i in range(lo, hi)]
    assert rows == list(range(30))
    arranged = layout.arrange(np.arange(120).reshape(5, 3, 2, 4))
    taken = [layout.take(arranged, lo, hi).reshape(-1, 4) for lo, hi in layout.spans(step)]
    np.testing.assert_array_equal(np.concatenate(taken), np.arange(120).reshape(30, 4))


def test_planar_rows_are_told_from_others():
    array = np.zeros((6, 4), np.float32)
    assert is_planar(array.T[:, 1:])
    assert not is_planar(array)
    assert not is_planar(array.T[::2])
    assert not is_planar(np.lib.stride_tricks.sliding_window_view(array[0], 2))


def test_numbers_that_share_memory_are_told_from_others():
    array = np.zeros(40)
    for strides, shares in ((8, 32), False), ((8, 24), True), ((40, 16), False), ((32, 16), True):
        view = np.lib.stride_tricks.as_strided(array, (4, 3), strides)
        assert overlaps_itself(view) is shares
        assert overlaps_itself(view[::-1].T) is shares


def test_planes_of_unequal_strides():
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((3, 10)).astype(np.float32)[:, :7].T
    labels = np.array([0, 1, 2, 0, 1, 2, 0])
    loss = Loss("softmax", margin.focal(2.0))
    expected = loss.value_and_grad(np.ascontiguousarray(wide), labels)[1]
    guarded = np.full(40, 777, np.float32)
    out = guarded[5:26].reshape(3, 7).T
    loss.value_and_grad(wide, labels, out=out)
    np.testing.assert_allclose(out, expected, rtol=2e-6, atol=1e-7)
    assert (guarded[:5] == 777).all()
    assert (guarded[26:] == 777).all()
    wide_out = np.full((3, 10), 777, np.float32)
    loss.value_and_grad(np.asfortranarray(wide), labels, out=wide_out[:, :7].T)
    np.testing.assert_allclose(wide_out[:, :7].T, expected, rtol=2e-6, atol=1e-7)
    assert (wide_out[:, 7:] == 777).all()


def test_planes_of_many_classes_are_added_up_as_rows_are():
    logits = np.full((112, 4000), -0.37, np.float32, order="F")
    logits[:, 0] = 0
    labels = np.ones(112, np.int64)
    loss = Loss("softmax", margin.focal(2.0))
    planes = loss.value_and_grad(logits, labels, out=np.empty_like(logits, order="F"))
    rows = loss.value_and_grad(np.ascontiguousarray(logits), labels)
    assert planes[0] == rows[0]
    np.testing.assert_array_equal(planes[1], rows[1])


def test_results_need_places_of_their_own():
    shared = np.lib.stride_tricks.as_strided(np.zeros(3, np.float32), (3, 3), (0, 4))
    with pytest.raises(ValueError, match="numbers share memory"):
        Loss("softmax", margin.focal(2.0)).value_and_grad(
            np.zeros((3, 3), np.float32), [0, 1, 2], out=shared
        )


@pytest.mark.parametrize("engine", registry.ENGINES)
def test_results_in_planes(engine):
    """Results whose class axis comes first in memory, as that of the scores does."""
    rng = np.random.default_rng(7)
    x, labels = rng.normal(size=(300, 3)), rng.integers(3, size=300)
    loss = Loss("softmax", registry.build(registry.FOCAL))
    out = tuple(np.empty((3, 300)).T for _ in range(2))
    got = loss.grad_and_hess(np.asfortranarray(x), labels, out=out, engine=engine)
    for a, b in zip(got, loss.grad_and_hess(x, labels, engine=engine), strict=True):
        np.testing.assert_array_equal(a, b)
