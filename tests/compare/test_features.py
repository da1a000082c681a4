"""Rows in the form in which a user reads them, not the comparison's."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from focalis.compare.features import Vectoriser


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
