"""Keras has one backend per process: what runs on each is collected in separate sessions."""

import os

collect_ignore = [] if "FOCALIS_KERAS_SESSION" in os.environ else ["session"]
