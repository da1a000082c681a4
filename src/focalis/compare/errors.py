"""The one exception that means "the user's input is at fault"."""

from __future__ import annotations

__all__ = ["InputError"]


class InputError(ValueError):
    r"""The data, the settings or the report folder cannot be used as they are.

    Its message is one line that says what was expected and what came. The command line prints it and
    exits with code 2; any other exception is a defect of focalis and keeps its traceback.

    Examples
    --------
    >>> str(InputError("no column 'lable'\n  did you mean 'label'?"))
    "no column 'lable' did you mean 'label'?"
    """

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
