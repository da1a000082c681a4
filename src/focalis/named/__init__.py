"""The named losses as a table, and the generator of the functions and modules made from it."""

from focalis.named.table import LOSSES, PARAMETERS, SETTINGS, NamedLoss, Parameter, Setting

__all__ = ["LOSSES", "PARAMETERS", "SETTINGS", "NamedLoss", "Parameter", "Setting"]
