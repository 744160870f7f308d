"""The frozen base of every plain-data type, and its digest."""

import hashlib
import json

from pydantic import BaseModel, ConfigDict, JsonValue


class Value(BaseModel):
    """Plain data: frozen, keyword-only, no unknown fields, no NaN, strict types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of this value, as 64 hexadecimal digits."""
        return digest_of(self.model_dump(mode="json"))


def digest_of(value: JsonValue) -> str:
    """Digest a JSON value independently of key order and white space.

    Args:
        value: any JSON value; numbers must be finite.

    Returns:
        64 lower-case hexadecimal digits (SHA-256).

    Raises:
        ValueError: the value holds NaN or an infinity.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
