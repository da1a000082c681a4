"""Rows in the form in which a user reads them, not the comparison's."""

import pickle
from datetime import date

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from focalis.compare.features import Vectoriser
from focalis.sklearn import BoostedClassifier


def test_rows_as_a_user_reads_them():
    days = [date(2024, 1, 2), date(2024, 3, 4), None]
    frame = pl.DataFrame({"day": days, "size": [1.0, 2.0, 3.0]})
    vectoriser = Vectoriser()
    expected = vectoriser.fit_transform(frame)
    text = pl.DataFrame({"size": ["1", "2", "3"], "day": ["2024-01-02", "2024-03-04", None]})
    np.testing.assert_array_equal(vectoriser.transform(text), expected)
    np.testing.assert_array_equal(vectoriser.transform(text[1:2]), expected[1:2])
    with pytest.raises(ValueError, match=r"none named \['day'\]"):
        vectoriser.transform(text.drop("day"))
    with pytest.raises(ValueError, match="column 'day' must hold dates"):
        vectoriser.transform(text.with_columns(day=pl.lit("soon")))
    with pytest.raises(TypeError, match=r"polars\.DataFrame, got dict"):
        vectoriser.transform({"day": []})


@pytest.mark.parametrize("name", ["", "a\nb", "[a]", "0"])
def test_a_column_may_have_any_name(name):
    frame = pl.DataFrame({"1": [0.5, 1.5], name: ["p", "q"]})
    vectoriser = Vectoriser()
    fitted = vectoriser.fit_transform(frame)
    np.testing.assert_array_equal(vectoriser.transform(frame.select(name, "1")), fitted)


def test_the_vectoriser_is_a_transformer_as_scikit_learn_has_them():
    frame = pl.DataFrame({"size": [1.5, None, 2.0, 0.5], "colour": ["red", "blue", "red", "red"]})
    frame, labels = pl.concat([frame] * 15), [0, 1, 0, 1] * 15
    vectoriser = Vectoriser(seed=3)
    assert vectoriser.get_params() == {"seed": 3}
    assert repr(vectoriser) == "Vectoriser(seed=3)"
    with pytest.raises(NotFittedError):
        vectoriser.transform(frame)
    expected = vectoriser.fit_transform(frame, labels)
    assert expected.dtype == np.float32
    assert list(vectoriser.types_) == ["size", "colour"]
    for other in (clone(vectoriser), Vectoriser().set_params(seed=3)):
        assert not hasattr(other, "types_")
        assert other.fit(frame, labels) is other
        np.testing.assert_array_equal(other.transform(frame), expected)
    again = pickle.loads(pickle.dumps(vectoriser))
    np.testing.assert_array_equal(again.transform(frame), expected)
    for fit in (vectoriser.fit, vectoriser.fit_transform):
        with pytest.raises(TypeError, match=r"polars\.DataFrame, got ndarray"):
            fit(expected)
    model = make_pipeline(Vectoriser(), BoostedClassifier(n_estimators=2, n_jobs=1))
    model.set_params(vectoriser__seed=4).fit(frame, labels)
    assert model[0].seed == 4
    assert clone(model).fit(frame, labels).predict_proba(frame).shape == (60, 2)
