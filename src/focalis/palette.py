"""The palette of every picture: colours that colour-blind readers tell apart, and dashes."""

# Okabe and Ito's colours. Their black vanishes on a dark page and their yellow on a light one; the
# baseline's grey shows on both.
BASELINE_COLOUR = "#808080"
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")
DASHES = ("solid", "dash", "dot", "dashdot")
