"""The program ``focalis``: one file for each command, with its arguments and messages.

The work is done in the modules it belongs to. Commands start without the optional dependencies; one
that needs them says how to install them.
"""

__all__: list[str] = []
