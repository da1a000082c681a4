"""The main job, `focalis compare`: what each loss achieves on a data set.

Needs the extra dependencies of ``pip install "focalis[compare]"``; `import focalis` loads none of them.
"""

from focalis.compare.data import Data, load
from focalis.compare.errors import InputError, TrainingError
from focalis.compare.features import Vectoriser
from focalis.compare.running import Listener, run
from focalis.compare.settings import Settings

__all__ = [
    "Data",
    "InputError",
    "Listener",
    "Settings",
    "TrainingError",
    "Vectoriser",
    "load",
    "run",
]
