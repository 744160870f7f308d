"""Arrays and picture files brought to `(n, height, width, channels)` float32 in [0, 1]."""

import io
import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import RefusedFile
from analyzers.loaders import bounds

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
_CHANNELS = (1, 3, 4)


class Pictures(NamedTuple):
    """Pictures of one size, and what was done to them."""

    images: NDArray[np.float32]
    changes: tuple[str, ...]


def pictures_of(array: NDArray[Any]) -> Pictures:
    """Bring an array of pictures into the common form.

    Args:
        array: `(n, h, w)`, `(n, h, w, c)`, `(n, c, h, w)`, or `(n, h * w)` of square pictures.

    Raises:
        RefusedFile: another shape, not numbers, not finite, or values that are no brightness.
    """
    if array.dtype.kind not in "biuf":
        raise RefusedFile(f"Expected pictures as numbers, got values of type {array.dtype}.")
    if array.size * 4 > bounds.IMAGES_BYTES:
        raise too_large(array.size * 4)
    shaped, changes = _shaped(array)
    if not len(shaped) or not shaped.size:
        raise RefusedFile("Expected pictures, got an empty array.")
    is_byte = shaped.dtype == np.uint8
    images = shaped.astype(np.float32)
    if not np.isfinite(images).all():
        raise RefusedFile("Expected finite brightness values, got NaN or infinity.")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 255 or (high > 1 and not is_byte and low < 0):
        raise RefusedFile(
            f"Expected brightness from 0 to 1 or from 0 to 255, got {low:.4g} to {high:.4g}.",
            remedy="Upload the pictures before they are normalised, and put the normalisation into "
            "the model.",
        )
    if is_byte or high > 1:
        images /= 255.0
        changes.append("Brightness from 0 to 255 was divided by 255.")
    return Pictures(np.ascontiguousarray(images), tuple(changes))


def _shaped(array: NDArray[Any]) -> tuple[NDArray[Any], list[str]]:
    if array.ndim == 3:
        return array[..., None], []
    if array.ndim == 4 and array.shape[3] in _CHANNELS:
        return array, []
    if array.ndim == 4 and array.shape[1] in _CHANNELS:
        return array.transpose(0, 2, 3, 1), ["Channels were moved from the second place to last."]
    side = math.isqrt(array.shape[1]) if array.ndim == 2 else 0
    if side > 1 and side * side == array.shape[1]:
        return array.reshape(-1, side, side, 1), [
            f"Rows of {side * side:,} numbers were read as pictures of {side} x {side} pixels."
        ]
    raise RefusedFile(
        f"Expected pictures as (n, height, width, channels), got an array of shape {array.shape}."
    )


def decode(content: bytes, name: str) -> NDArray[np.uint8]:
    """Read one picture file as `(height, width, channels)` bytes.

    Raises:
        RefusedFile: no picture, damaged, or too large.
    """
    from PIL import Image

    shown = repr(name[-60:])
    try:
        with warnings.catch_warnings():
            # A picture near Pillow's own limit warns; ours is checked below, before decoding.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
                n_pixels = picture.width * picture.height
                if n_pixels > bounds.IMAGE_PIXELS:
                    raise RefusedFile(
                        f"Expected pictures of at most {bounds.IMAGE_PIXELS:,} pixels, got {shown} "
                        f"of {picture.width:,} x {picture.height:,}.",
                        remedy="Reduce the pictures to the size the model takes.",
                    )
                is_grey = picture.mode in ("1", "L", "I;16", "I", "F")
                made = np.asarray(picture.convert("L" if is_grey else "RGB"), dtype=np.uint8)
    except RefusedFile:
        raise
    # Pillow's many readers raise many things for damaged files.
    except Exception as error:
        raise RefusedFile(
            f"Expected a whole picture, got {shown}, which cannot be read.",
            remedy="Save the picture again as PNG.",
        ) from error
    return made[..., None] if made.ndim == 2 else made


def stack(pictures: list[NDArray[np.uint8]], names: list[str]) -> NDArray[np.uint8]:
    """Put pictures of one size together; grey ones become coloured where others are.

    Raises:
        RefusedFile: sizes differ, or all together are too large.
    """
    sizes = {picture.shape[:2] for picture in pictures}
    if len(sizes) > 1:
        first = pictures[0].shape
        odd = next(at for at, picture in enumerate(pictures) if picture.shape[:2] != first[:2])
        raise RefusedFile(
            f"Expected pictures of one size, got {first[1]} x {first[0]} and "
            f"{pictures[odd].shape[1]} x {pictures[odd].shape[0]} ({names[odd][-60:]!r}).",
            remedy="Bring all pictures to the size the model takes.",
        )
    if len({picture.shape[2] for picture in pictures}) > 1:
        pictures = [np.repeat(item, 3, axis=2) if item.shape[2] == 1 else item for item in pictures]
    return np.stack(pictures)


def too_large(n_bytes: int) -> RefusedFile:
    """Say that pictures take more memory than is given."""
    return RefusedFile(
        f"Expected pictures of at most {bounds.IMAGES_BYTES:,} bytes together, got {n_bytes:,}.",
        remedy="Upload fewer or smaller pictures.",
    )
