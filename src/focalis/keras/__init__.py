"""The cross-entropy family for Keras 3, on its backends TensorFlow, JAX and torch.

The losses of Keras have their names, arguments, defaults and numbers; the others of the family are made
in the same style, and `LossWrapper` takes any `focalis.Loss`. Values, gradients and what comes after are
the closed forms of the family, in one pass where the backend has one: `focalis.torch` on torch,
`focalis.jax` on JAX, TensorFlow's operations otherwise, eager, in a `tf.function` or under XLA.

>>> import keras
>>> from focalis.keras import SparseCategoricalFocalCrossentropy
>>> model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3)])
>>> model.compile(loss=SparseCategoricalFocalCrossentropy(from_logits=True, ignore_class=-1))

These arguments mean the same everywhere:

from_logits : bool, default False
    Whether `y_pred` are logits. Otherwise they are probabilities, which each loss reads as the function
    of Keras does on the same backend: held off 0 and 1 by ``keras.config.epsilon()``, those of classes
    divided by their sum first, and in the generalised cross-entropy taken as they are. Where TensorFlow
    knows the logits behind an activation Keras computes from them, and so does this. Logits are exact
    where a probability has been rounded to 0 or 1.
label_smoothing : float, default 0.0
    ε in [0, 1]: targets become y (1 − ε) + ε/C for one class of C, y (1 − ε) + ε/2 for yes or no.
axis : int, default -1
    The axis of the classes, or of the questions that the loss of a sample is the mean of.
reduction : {"sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None}
    As in Keras. Sample weights enter the denominator of "mean_with_sample_weight" alone, and one that is
    shared by several losses once for each; what is ignored or masked enters none.
name, dtype : optional
    As in Keras. 16 bits are computed in 32.
ignore_class : number, optional
    What does not count, and may have any score. Of class indices this index, which need be no class. Of
    a number for each class the rows in which no class has more than this one. Of yes and no the targets
    of this value (NaN is allowed), of which a sample may have some and others.
class_weight : sequence of float or mapping of int to float, optional
    A factor for each class, which no denominator takes in. A mapping is that of Keras' `fit`: 1 for the
    classes that it does not name. Losses of yes and no take a sequence alone, of a factor for each
    question.
class_where : sequence of bool, optional
    True where a class exists. What is masked has probability 0, takes no part in label smoothing and has
    no gradient; of yes and no it is a question that does not count. A target there is refused.
sample_weight : array_like, optional
    Of a call: one for each loss of a sample, or what broadcasts to them from the last axis on, as in
    Keras. Beside losses (N, T) those of the samples are (N, 1); (N,) is an error unless N = T.

Soft targets, and so smoothed ones, mean the expectation Σ w_k φ(m_k), as in Keras for all but the binary
focal loss. What is ignored, masked or has the sample weight 0 may hold anything, NaN included, and gives
exactly 0, where Keras multiplies by 0. Nothing left to average gives 0. A shape or setting that does not
fit raises; so does a target out of range or a negative weight where numbers can be looked at (on a CPU,
eagerly), and gives NaN elsewhere.
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

from focalis.keras import named as _named
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
__all__ += _named.__all__
