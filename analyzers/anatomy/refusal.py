"""Why a method that needs the inside of a model was not used."""


class DoesNotFit(Exception):
    """A method does not fit the model; the text completes "it was not used because ..."."""
