"""The program ``focalis``: one file per command, with its arguments and messages.

The work is done elsewhere, in the modules it belongs to. Commands start without the optional
dependencies; a command that needs some says how to install them.
"""

__all__: list[str] = []
