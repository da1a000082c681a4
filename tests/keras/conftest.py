"""Keras has one backend for a process: what runs on each is collected in sessions of their own."""

import os

collect_ignore = [] if "FOCALIS_KERAS_SESSION" in os.environ else ["session"]
