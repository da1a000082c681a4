"""TensorFlow and Keras, run for real in a separate process."""

import itertools

from proofs import (
    ANSWERS,
    INDICES,
    LOGITS,
    MAYBE,
    ONE_HOT,
    ROW_WEIGHTS,
    ROWS,
    SOFT,
    YES,
    Proof,
)

TF1_REDUCTIONS = tuple(
    {"reduction": name} for name in ("weighted_sum_by_nonzero_weights", "weighted_sum", "none")
)
SMOOTH = {"label_smoothing": 0.2}
IGNORED = INDICES.copy()
IGNORED[[1, 4]] = 7


def by_tape(function):
    def run(scores, targets, **parameters):
        import tensorflow as tf

        x, y = tf.constant(scores), tf.constant(targets)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x, y, **parameters)
        return value.numpy(), tape.gradient(value, x).numpy()

    return run


def of_keras(name, **fixed):
    def loss(x, y, sample_weight=None, **parameters):
        import keras

        one = getattr(keras.losses, name)(**fixed, **parameters, dtype="float64")
        return one(y, x, sample_weight=sample_weight)

    return by_tape(loss)


def of_nn(name):
    def loss(x, y, **parameters):
        import tensorflow as tf

        return getattr(tf.nn, name)(labels=y, logits=x, **parameters)

    return by_tape(loss)


def of_losses(name):
    def loss(x, y, **parameters):
        import tensorflow as tf

        return getattr(tf.compat.v1.losses, name)(y, x, **parameters)

    return by_tape(loss)


def tensorflow():
    once = ({},)
    smooth = (*TF1_REDUCTIONS, {}, SMOOTH)
    return [
        Proof("tf.losses.log_loss", of_losses("log_loss"), YES, MAYBE, ({}, *TF1_REDUCTIONS), 1e-5),
        Proof(
            "tf.losses.softmax_cross_entropy",
            of_losses("softmax_cross_entropy"),
            LOGITS,
            SOFT,
            smooth,
            1e-6,
        ),
        Proof(
            "tf.losses.sparse_softmax_cross_entropy",
            of_losses("sparse_softmax_cross_entropy"),
            LOGITS,
            INDICES,
            TF1_REDUCTIONS,
            1e-6,
        ),
        Proof(
            "tf.losses.sigmoid_cross_entropy",
            of_losses("sigmoid_cross_entropy"),
            LOGITS,
            MAYBE,
            smooth,
            1e-6,
        ),
        Proof(
            "tf.nn.sigmoid_cross_entropy_with_logits",
            of_nn("sigmoid_cross_entropy_with_logits"),
            LOGITS,
            MAYBE,
            once,
        ),
        Proof(
            "tf.nn.weighted_cross_entropy_with_logits",
            of_nn("weighted_cross_entropy_with_logits"),
            LOGITS,
            MAYBE,
            ({"pos_weight": 1.0}, {"pos_weight": 3.0}),
        ),
        Proof(
            "tf.nn.softmax_cross_entropy_with_logits",
            of_nn("softmax_cross_entropy_with_logits"),
            LOGITS,
            SOFT,
            once,
        ),
        Proof(
            "tf.nn.sparse_softmax_cross_entropy_with_logits",
            of_nn("sparse_softmax_cross_entropy_with_logits"),
            LOGITS,
            INDICES,
            once,
        ),
    ]


def keras():
    total, gamma = {"reduction": "sum"}, {"gamma": 0.5}
    single = {"reduction": None}
    kinds = {
        "BinaryCrossentropy": ("", YES, MAYBE, ({}, SMOOTH)),
        "CategoricalCrossentropy": ("", ROWS, SOFT, ({}, total, single, SMOOTH)),
        "SparseCategoricalCrossentropy": ("", ROWS, IGNORED, ({"ignore_class": 7},)),
        "BinaryFocalCrossentropy": ("", YES, ANSWERS, ({}, gamma)),
        "BinaryFocalCrossentropy ": (
            "apply_class_balancing=True",
            YES,
            ANSWERS,
            ({}, {"alpha": 0.7}),
        ),
        "CategoricalFocalCrossentropy": (
            "",
            ROWS,
            SOFT,
            ({}, gamma, {"alpha": 1.0}, SMOOTH, total, single),
        ),
    }
    proofs = []
    for (kind, (switch, inputs, targets, cases)), logits in itertools.product(
        kinds.items(), (False, True)
    ):
        name = f"keras.losses.{kind.strip()}"
        switches = [switch] * bool(switch) + ["from_logits=True"] * logits
        name += f"({', '.join(switches)})" if switches else ""
        fixed = {"from_logits": logits} | ({"apply_class_balancing": True} if switch else {})
        run = of_keras(kind.strip(), **fixed)
        # Its focal losses clip the output of a sigmoid or softmax to [1e-7, 1 − 1e-7].
        proofs.append(Proof(name, run, LOGITS if logits else inputs, targets, cases, 1e-5))
    sparse = of_keras("SparseCategoricalCrossentropy")
    general = of_keras("CategoricalGeneralizedCrossEntropy")
    weighted = ({"sample_weight": ROW_WEIGHTS},)
    return [
        *proofs,
        Proof(
            "keras.losses.SparseCategoricalCrossentropy",
            sparse,
            ROWS / 2,
            INDICES,
            ({}, total, single),
            1e-5,
        ),
        Proof(
            "keras.losses.CategoricalGeneralizedCrossEntropy",
            general,
            ROWS,
            INDICES,
            ({}, {"q": 0.8}),
            1e-5,
        ),
        Proof(
            "keras.losses.CategoricalCrossentropy",
            of_keras("CategoricalCrossentropy"),
            ROWS,
            ONE_HOT,
            weighted,
            1e-5,
        ),
    ]
