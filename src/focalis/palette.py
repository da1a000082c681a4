"""The palette of every picture: colours that colour-blind readers tell apart, and dashes."""

__all__ = ["BASELINE_COLOUR", "COLOURS", "DASHES"]

# Okabe and Ito's colours. Their black and yellow vanish on a dark or a light page; the baseline is a
# grey that stands on both.
BASELINE_COLOUR = "#808080"
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")
DASHES = ("solid", "dash", "dot", "dashdot")
