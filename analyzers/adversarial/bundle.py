"""Adversarial pictures to take away: picture files, exact values, and where they come from."""

import io
import json
import zipfile
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import JsonValue

from analyzers.adversarial.pictures import magnified
from analyzers.core.result import Measurements
from analyzers.core.subject import Subject

MOMENT = (1980, 1, 1, 0, 0, 0)
NOTE = (
    "PNG files hold 256 levels; values between them are rounded, and `survives_saving` says "
    "whether the changed picture still does its work then. pictures.npz holds the exact values; "
    "parameters and digests are enough to make all of it again. Use them to test models you are "
    "responsible for."
)


def bundle_pictures(
    measurements: Measurements, subject: Subject, params: Mapping[str, JsonValue]
) -> bytes:
    """Pack the kept examples into a zip file; the same result gives the same bytes.

    Args:
        measurements: with the table `image_examples`.
        subject: what was attacked.
        params: what was asked for.

    Returns:
        A zip file: three PNG files an example, `pictures.npz` and `provenance.json`.
    """
    table = measurements.tables["image_examples"]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        originals, changed = [], []
        for example in table.to_pylist():
            shape = (example["height"], example["width"], example["channels"])
            folder = f"example_{example['example']:03d}_row_{example['row']}"
            stretched = magnified(example["difference"])
            for name, values in (
                ("original", example["original"]),
                ("adversarial", example["adversarial"]),
                ("difference_magnified", stretched),
            ):
                pixels = np.asarray(values, dtype=np.float32).reshape(shape)
                _write(archive, f"{folder}/{name}.png", _png(pixels))
            originals.append(np.asarray(example["original"], dtype=np.float32).reshape(shape))
            changed.append(np.asarray(example["adversarial"], dtype=np.float32).reshape(shape))
        exact = io.BytesIO()
        np.savez(exact, original=np.stack(originals), adversarial=np.stack(changed),
                 row=table["row"].to_numpy())  # fmt: skip
        _write(archive, "pictures.npz", exact.getvalue())
        about = json.dumps(_provenance(table, measurements, subject, params), indent=2)
        _write(archive, "provenance.json", about.encode())
    return made.getvalue()


def _provenance(
    table: pa.Table,
    measurements: Measurements,
    subject: Subject,
    params: Mapping[str, JsonValue],
) -> dict[str, object]:
    heavy = ("original", "adversarial", "difference")
    names = [name for name in table.column_names if name not in heavy]
    model = subject.files.model
    return {
        "note": NOTE,
        "subject": subject.name,
        "subject_digest": subject.digest,
        "data_sha256": subject.files.data.sha256,
        "model_sha256": None if model is None else model.sha256,
        "model": subject.model_kind,
        "parameters": dict(params),
        "facts": dict(measurements.facts),
        "threat_model": measurements.tables["threat_model"].to_pylist(),
        "examples": table.select(names).to_pylist(),
    }


def _png(pixels: NDArray[np.float32]) -> bytes:
    from PIL import Image

    levels = np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    if levels.shape[2] not in (1, 3, 4):
        # Other numbers of channels have no picture format; side by side they can still be seen.
        levels = np.concatenate(list(np.moveaxis(levels, 2, 0)), axis=1)[:, :, None]
    made = io.BytesIO()
    Image.fromarray(levels[:, :, 0] if levels.shape[2] == 1 else levels).save(made, "PNG")
    return made.getvalue()


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, MOMENT), content, zipfile.ZIP_DEFLATED)
