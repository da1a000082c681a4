"""Models compiled with the losses, trained, saved and loaded."""

import itertools
import json

import keras
import numpy as np
import pytest
from derivatives import BACKEND

import focalis.keras as F
from focalis import Loss, margin

pytestmark = [
    # Keras asks torch tensors for an array in the way that NumPy 1 did.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning"),
]

RNG = np.random.default_rng(5)
X = RNG.normal(size=(24, 4)).astype("float32")
LABELS = (X @ RNG.normal(size=(4, 3))).argmax(-1)
ROWS = np.eye(3, dtype="float32")[LABELS]
LOGITS = {"from_logits": True}
LOSSES = {
    "bce": (F.BinaryCrossentropy(**LOGITS, label_smoothing=0.1), ROWS),
    "focal": (F.BinaryFocalCrossentropy(**LOGITS, class_weight=[1.0, 2.0, 0.5]), ROWS),
    "cce": (F.CategoricalCrossentropy(**LOGITS, label_smoothing=0.1), ROWS),
    "focal rows": (F.CategoricalFocalCrossentropy(**LOGITS, alpha=[0.2, 0.3, 0.5]), ROWS),
    "scce": (F.SparseCategoricalCrossentropy(**LOGITS, ignore_class=-1), LABELS),
    "focal indices": (F.SparseCategoricalFocalCrossentropy(**LOGITS), LABELS[:, None]),
    "general": (F.CategoricalGeneralizedCrossEntropy(0.7, **LOGITS), LABELS),
    "several": (F.MultiLabelSoftmaxCrossentropy(**LOGITS), ROWS),
    "poly1": (F.LossWrapper("softmax_poly1(epsilon=2)"), LABELS),
}


def new_model(activation=None):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation=activation)])


def fit(model, loss, y, *, epochs=3, **settings):
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss=loss, **settings)
    # The last batch is smaller.
    return model.fit(X, y, batch_size=10, epochs=epochs, verbose=0, shuffle=False).history["loss"]


@pytest.mark.parametrize("name", LOSSES)
def test_fit(name):
    loss, y = LOSSES[name]
    history = fit(new_model(), loss, y, jit_compile=False)
    assert history[-1] < 0.95 * history[0]


@pytest.mark.parametrize("name", ["focal", "focal indices"])
def test_fit_eagerly(name):
    """The same steps as in a graph."""
    loss, y = LOSSES[name]
    eager, graph = ({"run_eagerly": True}, {"jit_compile": False})
    histories = [fit(new_model(), loss, y, epochs=2, **settings) for settings in (eager, graph)]
    np.testing.assert_allclose(*histories, rtol=1e-5)


@pytest.mark.skipif(BACKEND == "torch", reason="torch.compile has a test of its own")
@pytest.mark.parametrize("name", ["focal", "focal indices"])
def test_fit_under_xla(name):
    loss, y = LOSSES[name]
    histories = [fit(new_model(), loss, y, jit_compile=compiled) for compiled in (True, False)]
    np.testing.assert_allclose(*histories, rtol=1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs", "activation"),
    [
        (F.BinaryFocalCrossentropy, keras.losses.BinaryFocalCrossentropy, "sigmoid"),
        (F.CategoricalCrossentropy, keras.losses.CategoricalCrossentropy, "softmax"),
    ],
)
def test_a_training_is_that_of_keras(ours, theirs, activation):
    histories = [fit(new_model(activation), loss(), ROWS, epochs=5) for loss in (ours, theirs)]
    np.testing.assert_allclose(*histories, rtol=1e-4)


def test_weights_of_samples_and_classes():
    loss, y = LOSSES["focal indices"]
    weight = RNG.uniform(size=24).astype("float32")
    plain, weighted = new_model(), new_model()
    for model, given in ((plain, {}), (weighted, {"sample_weight": weight})):
        model.compile(optimizer=keras.optimizers.SGD(0.0), loss=loss)
        found = model.fit(X, y, batch_size=24, verbose=0, **given).history["loss"][0]
        logits = X @ np.asarray(model.get_weights()[0])
        core = Loss("softmax", margin.focal(2.0), alpha=0.25, reduction="sum")
        true = core(logits, LABELS, **given, engine="numpy") / 24
        assert found == pytest.approx(float(true), rel=1e-5)


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        history = fit(new_model(), *LOSSES["focal indices"], epochs=2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert history[1] < history[0]


@pytest.mark.parametrize("name", LOSSES)
def test_configurations(name):
    loss, _ = LOSSES[name]
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert again.loss == loss.loss
    assert type(loss).from_config(loss.get_config()).loss == loss.loss


def test_a_configuration_holds_plain_numbers():
    """Whatever form the settings had."""
    weights = keras.ops.convert_to_tensor([1.0, 2.0, 0.5])
    loss = F.SparseCategoricalFocalCrossentropy(
        alpha=weights, gamma=np.float32(1.5), class_weight=np.ones(3), ignore_class=np.int64(-1)
    )
    again = type(loss).from_config(json.loads(json.dumps(loss.get_config())))
    assert again.loss == loss.loss
    assert (again.alpha, again.gamma, again.ignore_class) == ([1.0, 2.0, 0.5], 1.5, -1)


def test_configurations_of_keras_are_understood():
    for name in ("BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"):
        config = getattr(keras.losses, name)(gamma=3.0, from_logits=True).get_config()
        ours = getattr(F, name).from_config(config)
        assert config.items() <= ours.get_config().items()
    config = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1).get_config()
    assert F.SparseCategoricalCrossentropy.from_config(config).ignore_class == -1


def test_saving_and_loading(tmp_path):
    """A compiled model continues from where it was, including its loss."""
    for i, name in itertools.product(range(1), ("focal", "focal indices", "poly1")):
        loss, y = LOSSES[name]
        model = new_model()
        fit(model, loss, y, epochs=1)
        path = tmp_path / f"{i}.keras"
        model.save(path)
        again = keras.saving.load_model(path)
        assert type(again.loss) is type(loss)
        assert again.loss.get_config() == loss.get_config()
        assert again.evaluate(X, y, verbose=0) == model.evaluate(X, y, verbose=0)
        assert np.isfinite(again.fit(X, y, verbose=0).history["loss"][0])


if BACKEND == "tensorflow":
    import tensorflow as tf

    @pytest.mark.parametrize("name", ["BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"])
    def test_a_function_of_any_batch(name):
        """Only the number of axes need be known when it is traced."""
        loss = getattr(F, name)(from_logits=True, ignore_class=1)

        @tf.function(
            input_signature=[tf.TensorSpec([None, None, 3], tf.float32)] * 2
            + [tf.TensorSpec([None, 1], tf.float32)]
        )
        def both(y, x, weight):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = loss(y, x, sample_weight=weight)
            return value, tape.gradient(value, x)

        for rows, columns in ((2, 5), (3, 1), (0, 4)):
            y = tf.one_hot(np.resize([0, 1, 2, 2], (rows, columns)), 3)
            x = tf.random.stateless_normal((rows, columns, 3), (1, 2))
            weight = tf.ones((rows, 1)) * 0.5
            value, grad = both(y, x, weight)
            assert float(value) == pytest.approx(float(loss(y, x, sample_weight=weight)), rel=1e-6)
            assert grad.shape == x.shape

    def test_a_function_of_any_number_of_classes():
        """A class to ignore is searched for among as many as there are."""
        y, x = tf.one_hot([0, 2, 1, 2], 3), tf.random.stateless_normal((4, 3), (1, 2))
        for loss, targets in (
            (F.CategoricalCrossentropy(**LOGITS, ignore_class=2, label_smoothing=0.1), y),
            (
                F.SparseCategoricalFocalCrossentropy(**LOGITS, alpha=[0.2, 0.3, 0.5]),
                tf.argmax(y, -1),
            ),
        ):
            unknown = [tf.TensorSpec([None] * a.shape.rank, a.dtype) for a in (targets, x)]
            found = tf.function(loss, input_signature=unknown)(targets, x)
            assert float(found) == pytest.approx(float(loss(targets, x)), rel=1e-6)

    def test_under_xla_it_keeps_no_more_than_it_must():
        """One exponential each for value and gradient, and one array in memory at a time."""
        loss, x = F.BinaryFocalCrossentropy(**LOGITS), tf.zeros((1 << 14, 64))

        @tf.function(jit_compile=True)
        def both(x, y):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = loss(y, x)
            return value, tape.gradient(value, x)

        program = both.experimental_get_compiler_ir(x, x)(stage="optimized_hlo")
        assert program.count(" exponential(") == 2
        steps = program[program.index("ENTRY") :].splitlines()
        made = [s for s in steps if "= f32[16384,64]" in s and " parameter(" not in s]
        assert len(made) == 2
        # A sum of 2^20 equal numbers.
        assert float(both(x, x)[0]) == pytest.approx(np.log(2.0) / 4.0, rel=1e-6)

    @pytest.mark.parametrize("name", ["BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"])
    def test_forward_mode(name):
        loss = getattr(F, name)(**LOGITS)
        y, x = tf.one_hot([0, 2, 1, 2], 3), tf.random.stateless_normal((4, 3), (1, 2))
        direction = tf.random.stateless_normal((4, 3), (3, 4))
        with (
            tf.autodiff.ForwardAccumulator(x, direction) as forward,
            tf.GradientTape() as reverse,
        ):
            reverse.watch(x)
            value = loss(y, x)
        along = float(tf.reduce_sum(direction * reverse.gradient(value, x)))
        assert float(forward.jvp(value)) == pytest.approx(along, rel=1e-5)

    def test_third_derivatives_and_jacobians():
        """Beyond the curvature, differentiation uses companions that do not cancel."""
        x = tf.constant([0.3, -2.0, 60.0, 800.0], tf.float64)
        loss = F.LossWrapper("focal(gamma=.5)", reduction="sum", dtype="float64")
        with tf.GradientTape() as third:
            third.watch(x)
            with tf.GradientTape() as second:
                second.watch(x)
                with tf.GradientTape() as first:
                    first.watch(x)
                    value = loss(tf.ones((1, 4)), x[None, :])
                slope = first.gradient(value, x)
            hessian = second.jacobian(slope, x)
            curvature = tf.linalg.diag_part(hessian)
            total = tf.reduce_sum(curvature)
        found = third.gradient(total, x).numpy()
        step = 1e-4
        core = Loss("sigmoid", margin.focal(0.5))
        around = [
            core.grad_and_hess(x.numpy() + s * step, np.ones(4), engine="numpy")[1] / 4
            for s in (1, -1)
        ]
        np.testing.assert_allclose(hessian.numpy() - np.diag(curvature), 0)
        np.testing.assert_allclose(found, (around[0] - around[1]) / (2 * step), rtol=1e-6)
        assert np.isfinite(found).all()


if BACKEND == "torch":
    import torch

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_torch_compile():
        """One graph, containing the fused operator."""
        loss = F.BinaryFocalCrossentropy(from_logits=True)
        x = torch.randn(8, 3, requires_grad=True)
        y = torch.randint(0, 2, (8, 3)).float()
        graphs = []

        def backend(graph, _):
            graphs.append({str(node.target) for node in graph.graph.nodes})
            return graph

        compiled = torch.compile(lambda x: loss(y, x), backend=backend, fullgraph=True)
        (grad,) = torch.autograd.grad(compiled(x), x)
        (true,) = torch.autograd.grad(loss(y, x), x)
        assert torch.equal(grad, true)
        assert len(graphs) == 1
        assert any("focalis.value_and_grad" in target for target in graphs[0])
