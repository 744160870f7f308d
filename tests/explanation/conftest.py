"""Imports shap once with its warnings off: it calls a function that matplotlib will drop."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import shap  # noqa: F401
