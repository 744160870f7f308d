"""Fitted models taken apart: the encoding before the last step, and the trees inside it."""
