"""What the command line says by itself."""

from __future__ import annotations

import logging
import warnings

import numpy as np

from bms.cli.main import set_up_logging


def test_means_of_nothing_are_no_news() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            set_up_logging("WARNING", "text")
            assert np.isnan(np.nanmean([np.nan]))
            assert np.isnan(np.nanmedian([np.nan]))
            warnings.warn("something else", RuntimeWarning, stacklevel=1)
    finally:
        root.handlers[:], root.level = handlers, level
    assert [str(each.message) for each in told] == ["something else"]
