"""The table of named losses, and the generator of the functions and modules made from it."""

from focalis.named.table import LOSSES, PARAMETERS, SETTINGS, NamedLoss, Parameter, Setting

__all__ = ["LOSSES", "PARAMETERS", "SETTINGS", "NamedLoss", "Parameter", "Setting"]
