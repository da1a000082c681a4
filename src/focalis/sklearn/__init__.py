"""scikit-learn estimators trained on the losses of focalis.

`BoostedClassifier` boosts trees with LightGBM, XGBoost or CatBoost; `LinearClassifier` fits a linear
model. Both return the class probabilities that a model trained on its loss implies.
"""

from focalis.sklearn.boosted import BoostedClassifier
from focalis.sklearn.linear import LinearClassifier

__all__ = ["BoostedClassifier", "LinearClassifier"]
