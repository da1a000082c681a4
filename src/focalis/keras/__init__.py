"""The cross-entropy family for Keras 3, on its backends TensorFlow, JAX and torch.

Keras' losses keep their names, arguments, defaults and values; the others of the family follow the same
style, and `LossWrapper` takes any `focalis.Loss`. Values, gradients and higher derivatives are closed
forms, computed by `focalis.torch` on torch, by `focalis.jax` on JAX, and otherwise by TensorFlow's
operations, eagerly, in a `tf.function` or under XLA.

>>> import keras
>>> from focalis.keras import SparseCategoricalFocalCrossentropy
>>> model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
>>> model.compile(loss=SparseCategoricalFocalCrossentropy(from_logits=True, ignore_class=-1))

These arguments mean the same everywhere:

from_logits : bool, default False
    Whether `y_pred` are logits. Otherwise they are probabilities, which each loss treats as Keras'
    function does on the same backend: clipped away from 0 and 1 by ``keras.config.epsilon()``, those of
    classes after dividing by their sum, but used unchanged in the generalised cross-entropy. If
    TensorFlow knows the logits behind an activation, Keras computes from them, and so does this. Logits
    stay accurate where a probability has been rounded to 0 or 1.
label_smoothing : float, default 0.0
    ε in [0, 1]: targets become y (1 − ε) + ε/C for one class of C, y (1 − ε) + ε/2 for yes or no.
axis : int, default -1
    The axis of the classes, or of the yes/no questions over which the loss of a sample is averaged.
reduction : {"sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None}
    As in Keras. Sample weights enter only the denominator of "mean_with_sample_weight", once for each
    loss that shares them; ignored or masked losses enter no denominator.
name, dtype : optional
    As in Keras. 16 bits are computed in 32.
ignore_class : number, optional
    Targets that do not count, and may have any score. Class indices: this index, which need not be a
    class. A number for each class: the rows in which this one is positive and no class has more. Yes/no
    questions: the targets with this value (NaN is allowed), each on its own.
class_weight : sequence of float or mapping of int to float, optional
    A factor for each class, which enters no denominator. A mapping is read as in Keras' `fit`: classes
    that it does not name get 1. Losses of yes/no questions take only a sequence, with a factor for each
    question.
class_where : sequence of bool, optional
    True where a class exists. A masked class has probability 0, takes no part in label smoothing and has
    no gradient; a masked yes/no question does not count. A target on a masked class is an error.
sample_weight : array_like, optional
    An argument of the call: one weight for each loss of a sample, or a shape that broadcasts to them
    from the last axis, as in Keras. For losses (N, T), weights of samples have the shape (N, 1); (N,) is
    an error unless N = T.

With soft targets, smoothed ones included, the loss is the expectation Σ w_k φ(m_k), as in Keras except
for its binary focal loss. Elements that are ignored, masked or of sample weight 0 may hold anything, NaN
included, and give exactly 0, where Keras multiplies by 0. If nothing is left to average, the loss is 0.
A shape or setting that does not fit raises an error. So does a target out of range or a negative weight,
if it can be read (on a CPU, eagerly); elsewhere it gives NaN.
"""

try:
    import keras as _keras  # noqa: F401
except ModuleNotFoundError as error:
    if error.name == "keras":
        raise ImportError('focalis.keras needs Keras: pip install "focalis[keras]"') from error
    if error.name in ("tensorflow", "jax", "torch"):
        raise ImportError(
            f"Keras needs its backend {error.name}: pip install {error.name}, or choose another of "
            "tensorflow, jax and torch by KERAS_BACKEND"
        ) from error
    raise

from focalis.keras import named as _generated
from focalis.keras.functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    sparse_categorical_crossentropy,
)
from focalis.keras.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    MultiLabelSoftmaxCrossentropy,
    SparseCategoricalCrossentropy,
    SparseCategoricalFocalCrossentropy,
)
from focalis.keras.named import *  # noqa: F403  # made from the table, which says what there is
from focalis.keras.wrapper import LossWrapper

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "LossWrapper",
    "MultiLabelSoftmaxCrossentropy",
    "SparseCategoricalCrossentropy",
    "SparseCategoricalFocalCrossentropy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "sparse_categorical_crossentropy",
]
__all__ += _generated.__all__
