"""The Python layers for Caffe, run by a harness that follows pycaffe's contract."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from proofs import ANSWERS, CLASS_WEIGHTS, LOGITS, MAYBE, SOME_LABELS, by_complex_steps
from proofs_by_definition import focal, multi_label, sigmoid

import focalis
from focalis.caffe import MultiLabelSoftmaxLossLayer, SigmoidFocalLossLayer

SOURCE = str(Path(focalis.__file__).parents[1])


class Blob:
    """A blob like pycaffe's: float32, with properties that can be written into but not replaced."""

    def __init__(self, *shape):
        self.reshape(*shape)

    def reshape(self, *shape):
        if all(isinstance(n, int) for n in shape):
            self._data, self._diff = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        else:
            raise TypeError("Blob.reshape takes integers")

    data = property(lambda self: self._data)
    diff = property(lambda self: self._diff)
    shape = property(lambda self: self._data.shape)
    num = property(lambda self: self._data.shape[0])
    channels = property(lambda self: self._data.shape[1])
    count = property(lambda self: self._data.size)

    @classmethod
    def of(cls, numbers):
        blob = cls(*np.shape(numbers))
        blob.data[...] = numbers
        blob.diff[...] = np.nan  # shows what is not written
        return blob


def set_up(layer_type, param_str, bottom, top):
    """Do what Caffe does before the first batch."""
    layer = layer_type(object())
    layer.param_str, layer.phase = param_str, 0
    layer.setup(bottom, top)
    layer.reshape(bottom, top)
    return layer


def run(layer_type, param_str, scores, labels, loss_weight=1.0):
    """Return loss and gradient of one batch as a net computes them."""
    bottom, top = [Blob.of(scores), Blob.of(labels)], [Blob(0)]
    layer = set_up(layer_type, param_str, bottom, top)
    assert top[0].shape == (1,)
    top[0].diff[...] = loss_weight  # as Caffe does for a loss
    layer.reshape(bottom, top)
    top[0].diff[...] = loss_weight
    layer.forward(bottom, top)
    layer.backward(top, [True, False], bottom)
    np.testing.assert_array_equal(bottom[1].data, np.asarray(labels, np.float32))
    return top[0].data[0], bottom[0].diff


def focal_layer(x, y, gamma=2.0, alpha=None, balances=(1, 1, 1)):
    """The expected focal loss over the answer, summed and divided by the number of rows."""
    yes, no = (1, 1) if alpha is None else (alpha, 1 - alpha)
    p = sigmoid(x)
    losses = yes * y * focal(p, gamma) + no * (1 - y) * focal(1 - p, gamma)
    return (np.asarray(balances) * losses).sum() / len(y)


def check(found, expected):
    for ours, true in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, true, rtol=2e-5, atol=1e-7)


FOCAL_SETTINGS = {
    "": {},
    "{'gamma': 1.5, 'alpha': 0.25}": {"gamma": 1.5, "alpha": 0.25},
    "{'focusing_parameter': 0}": {"gamma": 0.0},
    "{'class_balances': [0.5, 2.0, 1.25]}": {"balances": CLASS_WEIGHTS},
    '{"class_balances": {"1": 0.5, "2": 2.0, "3": 1.25}}': {"balances": CLASS_WEIGHTS},
    "{'class_balances': {2: 2.0, 1: 0.5, 3: 1.25}}": {"balances": CLASS_WEIGHTS},
}


@pytest.mark.slow
@pytest.mark.parametrize("labels", [ANSWERS, MAYBE], ids=["hard", "soft"])
@pytest.mark.parametrize("param_str", FOCAL_SETTINGS)
def test_sigmoid_focal_loss(param_str, labels):
    expected = by_complex_steps(focal_layer)(LOGITS, labels, **FOCAL_SETTINGS[param_str])
    check(run(SigmoidFocalLossLayer, param_str, LOGITS, labels), expected)


@pytest.mark.slow
@pytest.mark.parametrize("balances", [None, CLASS_WEIGHTS])
def test_multi_label_softmax_loss(balances):
    """For real-valued labels and rows without positives, which widely copied layers get wrong."""
    given = {} if balances is None else {"class_weight": balances}
    param_str = "" if balances is None else f"{{'class_balances': {balances.tolist()}}}"
    expected = by_complex_steps(multi_label)(LOGITS, SOME_LABELS, **given)
    value, gradient = run(MultiLabelSoftmaxLossLayer, param_str, LOGITS, SOME_LABELS)
    check((value, gradient), expected)
    assert not gradient[SOME_LABELS.sum(axis=1) == 0].any()


@pytest.mark.slow
def test_a_published_example():
    """Copied layers give the gradient (−.158, .093, .064) here."""
    _, gradient = run(MultiLabelSoftmaxLossLayer, "", [[0.3, -1.0, 0.8]], [[0.5, 0.0, 2.0]])
    np.testing.assert_allclose(gradient, [[0.178, 0.117, -0.295]], atol=5e-4)


@pytest.mark.slow
@pytest.mark.parametrize("layer_type", [SigmoidFocalLossLayer, MultiLabelSoftmaxLossLayer])
def test_the_weight_of_the_loss_scales_the_gradient_alone(layer_type):
    value, gradient = run(layer_type, "", LOGITS, ANSWERS)
    weighted_value, weighted = run(layer_type, "", LOGITS, ANSWERS, loss_weight=0.5)
    assert weighted_value == value
    np.testing.assert_allclose(weighted, 0.5 * gradient, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("layer_type", [SigmoidFocalLossLayer, MultiLabelSoftmaxLossLayer])
def test_pixels_lie_behind_the_class_axis(layer_type):
    """(N, C, H, W) is the sum over pixels, divided by N, not by the number of pixels."""
    images = np.stack([LOGITS[:6], LOGITS[2:]]).reshape(2, 2, 3, 3).transpose(0, 3, 1, 2)
    labels = np.stack([ANSWERS[:6], ANSWERS[2:]]).reshape(2, 2, 3, 3).transpose(0, 3, 1, 2)
    value, gradient = run(layer_type, "", images, labels)
    rows = [np.moveaxis(one, 1, -1).reshape(-1, 3) for one in (images, labels)]
    flat_value, flat = run(layer_type, "", *rows)
    np.testing.assert_allclose(value, flat_value * 6, rtol=1e-6)
    np.testing.assert_allclose(np.moveaxis(gradient, 1, -1).reshape(-1, 3), flat * 6, rtol=1e-5)


@pytest.mark.slow
def test_far_out_scores_stay_finite():
    """Widely copied layers take the logarithm of a rounded 0 beyond |score| = 17."""
    scores = np.array([[90.0, -90.0, 1e30], [-200.0, 200.0, 0.0]])
    for layer_type in (SigmoidFocalLossLayer, MultiLabelSoftmaxLossLayer):
        value, gradient = run(layer_type, "", scores, [[0, 1, 0], [1, 0, 1]])
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


@pytest.mark.slow
def test_ignored_labels():
    labels = np.where(ANSWERS == 1, 255.0, ANSWERS)
    value, gradient = run(SigmoidFocalLossLayer, "{'ignore_label': 255}", LOGITS, labels)
    p = sigmoid(LOGITS)
    kept = ANSWERS != 1
    np.testing.assert_allclose(value, (focal(1 - p, 2.0) * kept).sum() / len(p), rtol=1e-5)
    assert not gradient[~kept].any()
    assert gradient[kept].all()


@pytest.mark.slow
def test_a_batch_of_another_size():
    bottom, top = [Blob.of(LOGITS), Blob.of(ANSWERS)], [Blob(0)]
    layer = set_up(SigmoidFocalLossLayer, "", bottom, top)
    for size in (8, 3):
        for blob, numbers in zip(bottom, (LOGITS, ANSWERS), strict=True):
            blob.reshape(size, 3)
            blob.data[...] = numbers[:size]
        layer.reshape(bottom, top)
        top[0].diff[...] = 1.0
        layer.forward(bottom, top)
        layer.backward(top, [True, False], bottom)
        check((top[0].data[0],), (focal_layer(LOGITS[:size], ANSWERS[:size]),))
        assert bottom[0].diff.shape == (size, 3)


@pytest.mark.slow
def test_backward_does_what_it_is_told():
    bottom, top = [Blob.of(LOGITS), Blob.of(ANSWERS)], [Blob(0)]
    layer = set_up(SigmoidFocalLossLayer, "", bottom, top)
    layer.forward(bottom, top)
    layer.backward(top, [False, False], bottom)
    assert np.isnan(bottom[0].diff).all()
    with pytest.raises(ValueError, match="no gradient for labels"):
        layer.backward(top, [True, True], bottom)


BAD = {
    "no dict": ("gamma: 2", "param_str must be a dict"),
    "code": ("__import__('os')", "param_str must be a dict"),
    "a wrong name": ("{'gama': 2}", "got 'gama'"),
    "both names": ("{'gamma': 2, 'focusing_parameter': 2}", "got both"),
    "out of range": ("{'gamma': -1}", r"gamma of focal must lie in \[0, inf\)"),
    "few balances": ("{'class_balances': [1, 2]}", "class_balances must be 3 finite numbers"),
    "no numbers": ("{'class_balances': ['a', 1, 1]}", "class_balances must be 3 finite numbers"),
    "below 0": ("{'class_balances': [-1, 1, 1]}", "class_balances must be 3 finite numbers"),
    "a key of another kind": ("{[1]: 2}", "param_str must be a dict"),
    "a class left out": ("{'class_balances': {'1': 1, '3': 1}}", "each class from 1 to 3"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_parameters(kind):
    param_str, message = BAD[kind]
    with pytest.raises(ValueError, match=message):
        set_up(SigmoidFocalLossLayer, param_str, [Blob.of(LOGITS), Blob.of(ANSWERS)], [Blob(0)])


@pytest.mark.parametrize(("name", "value"), [("ignore_label", "x"), ("alpha", "x"), ("gamma", [2])])
def test_a_setting_that_is_no_number_is_named(name, value):
    """By its own name, not by the name of what it becomes."""
    with pytest.raises(TypeError, match=f"^{name} in param_str must be a number, got "):
        set_up(
            SigmoidFocalLossLayer,
            str({name: value}),
            [Blob.of(LOGITS), Blob.of(ANSWERS)],
            [Blob(0)],
        )


@pytest.mark.parametrize("layer_type", [SigmoidFocalLossLayer, MultiLabelSoftmaxLossLayer])
def test_a_batch_without_rows_costs_nothing(layer_type):
    value, gradient = run(layer_type, "", np.zeros((0, 3)), np.zeros((0, 3)))
    assert value == 0.0
    assert gradient.shape == (0, 3)


def test_bad_blobs():
    scores, labels = Blob.of(LOGITS), Blob.of(ANSWERS)
    with pytest.raises(ValueError, match="two bottoms"):
        set_up(SigmoidFocalLossLayer, "", [scores], [Blob(0)])
    with pytest.raises(ValueError, match="labels must have the shape"):
        set_up(SigmoidFocalLossLayer, "", [scores, Blob.of(ANSWERS[:, :1])], [Blob(0)])
    with pytest.raises(ValueError, match="class axis"):
        set_up(SigmoidFocalLossLayer, "", [Blob(4), Blob(4)], [Blob(0)])
    labels.data[1, 2] = 7
    with pytest.raises(ValueError, match=r"\[0, 1\], got 7.0 at position \(1, 2\)"):
        set_up(SigmoidFocalLossLayer, "", [scores, labels], [Blob(0)]).forward(
            [scores, labels], [Blob(1)]
        )


INSTALLED = """
class Layer:
    def __init__(self, layer_parameter):
        self.given = layer_parameter
"""


@pytest.mark.parametrize(
    ("module", "printed"),
    [(INSTALLED, "True 7"), ("", "ImportError"), ("raise OSError('libcaffe.so')", "OSError")],
    ids=["there", "another module", "broken"],
)
def test_the_layers_are_those_of_caffe_where_it_is_installed(tmp_path, module, printed):
    """And no error from Caffe itself is swallowed."""
    (tmp_path / "caffe").mkdir()
    (tmp_path / "caffe" / "__init__.py").write_text(module)
    script = """
try:
    from focalis.caffe import SigmoidFocalLossLayer
except Exception as error:
    print(type(error).__name__)
else:
    import caffe
    print(issubclass(SigmoidFocalLossLayer, caffe.Layer), SigmoidFocalLossLayer(7).given)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), SOURCE))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == printed, done.stderr
