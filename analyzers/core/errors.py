"""Every error the engine raises on purpose.

AssayError                 anything below; its text is shown to the user as it stands
|- RefusedFile             an uploaded file was not opened: what was found, what to do instead
|- UnsuitableSubject       the question does not apply to this model and data
|- InvalidParameter        a parameter is outside its declared bounds
|- PolicyError             a policy file cannot be read
|- ResultError             a stored or returned result breaks its declared schema
|- StoreError              the store cannot be read or written
|- SandboxUnavailable      this system offers too little isolation for the file's format
|- ModelMisbehaved         the model returned something no model should return
|- ExportUnavailable       a file for download cannot be made on this machine
|- MissingPackage          an optional Python package that this work needs is not installed
|- MissingDownload         a model that an attack needs, and nobody ships, is not in its folder
'- Cancelled               the user stopped the work (an outcome, never shown as a failure)

Messages read "expected ..., got ...; do ...". The remedy stands alone: pages show it apart.
"""


class AssayError(Exception):
    """An error with a sentence for the user and, where there is one, a remedy."""

    kind = "error"

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class RefusedFile(AssayError):
    """An uploaded file was not opened."""

    kind = "refused"


class UnsuitableSubject(AssayError):
    """The question does not apply to this model and data."""

    kind = "unsuitable"


class InvalidParameter(AssayError):
    """A parameter is outside its declared bounds."""

    kind = "parameter"


class PolicyError(AssayError):
    """A policy file cannot be read."""

    kind = "policy"


class ResultError(AssayError):
    """A stored or returned result breaks its declared schema."""

    kind = "result"


class StoreError(AssayError):
    """The store cannot be read or written."""

    kind = "store"


class SandboxUnavailable(AssayError):
    """This system offers too little isolation for the file's format."""

    kind = "sandbox"


class ModelMisbehaved(AssayError):
    """The model returned something no model should return."""

    kind = "model"


class ExportUnavailable(AssayError):
    """A file for download cannot be made on this machine."""

    kind = "export"


class MissingPackage(AssayError):
    """An optional Python package that this work needs is not installed."""

    kind = "missing"


class MissingDownload(AssayError):
    """A model that an attack needs, and nobody ships, is not in its folder."""

    kind = "missing"


class Cancelled(AssayError):
    """The user stopped the work."""

    kind = "cancelled"

    def __init__(self) -> None:
        super().__init__("The work was cancelled.")
