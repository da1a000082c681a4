"""Settings of the whole suite."""

import os

from hypothesis import settings

# Of Keras' backends the one that loads quickest here; tests/keras has sessions for all of them.
os.environ.setdefault("KERAS_BACKEND", "torch")

settings.register_profile("suite", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("suite")
