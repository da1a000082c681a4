"""The entries, one file for each kind of framework."""

from focalis.catalogue.names import (
    boosting,
    caffe,
    focalis,
    general,
    jax,
    keras,
    pytorch,
    segmentation,
    sklearn,
    tensorflow,
)

__all__ = ["ENTRIES"]

ENTRIES = (
    *general.ENTRIES,
    *focalis.ENTRIES,
    *caffe.ENTRIES,
    *pytorch.ENTRIES,
    *tensorflow.ENTRIES,
    *keras.ENTRIES,
    *jax.ENTRIES,
    *sklearn.ENTRIES,
    *boosting.ENTRIES,
    *segmentation.ENTRIES,
)
