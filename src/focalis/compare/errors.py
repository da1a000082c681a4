"""Errors whose cause the user should be told in one line."""

from focalis.cleaning import one_line


class InputError(ValueError):
    r"""The data, the settings or the report folder cannot be used as they are.

    The message is one line saying what was expected and what came. The command line prints it and exits
    with code 2; any other exception is a bug in focalis and keeps its traceback.

    Examples
    --------
    >>> str(InputError("no column 'lable'\n  did you mean 'label'?"))
    "no column 'lable' did you mean 'label'?"
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class TrainingError(RuntimeError):
    r"""A library failed to train the loss that all others are compared with.

    The message is one line saying where it failed and what the library said. The command line prints it
    and exits with code 1; finished trainings are kept.

    Examples
    --------
    >>> str(TrainingError("cross-entropy, repeat 0, fold 3: lightgbm:\n  Check failed"))
    'cross-entropy, repeat 0, fold 3: lightgbm: Check failed'
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))
