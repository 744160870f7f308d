"""Other decisions as files that can be taken away, and opened here again.

A model that was fitted again is written in its library's own data-only form. Thresholds by group
are a recipe (`toolkit.recipes`): alone it is a page of JSON, together with the model it decides
about it is a model file like any other.
"""

import io
import json
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from analyzers.core.model import Capability
from analyzers.core.result import Measurements
from analyzers.core.workbench import Workbench
from analyzers.fairness.tables import TABLES
from analyzers.fairness.thresholding import Proposal
from analyzers.toolkit.groups import Attribute
from analyzers.toolkit.recipes import RECIPE_NAME, GroupRule, Recipe

MODEL = "model"
RECIPE = "recipe"
# A result holds at most this much of saved models; what does not fit says so.
MOST_BYTES = 24 * 1024 * 1024
MOST_BYTES_TOGETHER = 96 * 1024 * 1024
# Every file of an archive gets this date, so that the same model is the same bytes.
_DATE = (1980, 1, 1, 0, 0, 0)


class Written(NamedTuple):
    """A model as a file, or why there is none."""

    ending: str = ""
    content: bytes = b""
    reason: str = ""


class SavedFile(NamedTuple):
    """One file of one mitigation.

    Attributes:
        attribute: whose groups are made alike; empty for the model as it is, which the recipes are
            put around.
        mitigation: its name.
        form: `MODEL` or `RECIPE`.
        written: the file.
        note: what the file decides, in one sentence.
    """

    attribute: str
    mitigation: str
    form: str
    written: Written
    note: str


def write_model(native: Any) -> Written:  # noqa: ANN401  an estimator of any library
    """Write a fitted estimator in a form that carries no code."""
    library = type(native).__module__.split(".")[0]
    writers: dict[str, tuple[str, Callable[[Any], bytes]]] = {
        "sklearn": (".skops", _skops),
        "xgboost": (".ubj", _xgboost),
        "lightgbm": (".txt", _lightgbm),
        "catboost": (".cbm", _catboost),
    }
    if library not in writers:
        return Written(
            reason=f"A {type(native).__name__} has no form that carries data only; its decisions "
            "can be saved."
        )
    ending, write = writers[library]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = write(native)
    # A step of an own class, or one that keeps a function: every library has its own error.
    except Exception as error:
        return Written(
            reason=f"The model could not be written ({type(error).__name__}); its decisions can "
            "be saved."
        )
    if len(content) > MOST_BYTES:
        return Written(
            reason=f"The model takes {len(content):,} bytes, more than the {MOST_BYTES:,} a "
            "result may carry; its decisions can be saved."
        )
    return Written(ending, content)


def carries_models(bench: Workbench) -> bool:
    """Whether a recipe can be put around this model: two classes, scores, a table of features."""
    model = bench.model
    return (
        model is not None
        and bench.subject.task == "binary"
        and bench.subject.modality == "tabular"
        and Capability.PREDICT_PROBA in model.capabilities
    )


def model_file(attribute: str, mitigation: str, native: Any) -> SavedFile:  # noqa: ANN401
    """Write a fitted model as a file of its own."""
    note = "The fitted model itself; Assay opens it, and so does the library that made it."
    return SavedFile(attribute, mitigation, MODEL, write_model(native), note)


def recipe_file(attribute: str, recipe: Recipe) -> SavedFile:
    """Write a recipe as a page of JSON."""
    text = (recipe.model_dump_json(indent=2) + "\n").encode()
    what = "Chances of being selected" if recipe.is_randomised else "Decisions"
    note = f"{what} by score and {attribute}, as open data to apply anywhere."
    return SavedFile(attribute, recipe.name, RECIPE, Written(".json", text), note)


def recipe_of(
    bench: Workbench, attribute: Attribute, proposal: Proposal, own: GroupRule, outcome: str
) -> Recipe:
    """Put the thresholds of a proposal down with all that is needed to apply them.

    Args:
        bench: the rows and the classes.
        attribute: the column whose groups have thresholds.
        proposal: with a rule for every group.
        own: the model's own rule, for values that were never seen.
        outcome: the favourable class, where another than the subject's was chosen.
    """
    subject = bench.subject
    selected = outcome or subject.classes[subject.positive_index]
    others = [name for name in subject.classes if name != selected]
    values = bench.data.frame[attribute.name]
    return Recipe(
        name=proposal.name,
        attribute=attribute.name,
        edges=attribute.edges,
        has_missing=bool(values.isna().any()),
        groups=proposal.rules or (),
        otherwise=own,
        selected=selected,
        rejected=others[0] if len(others) == 1 else "any other class",
        features=tuple(column.name for column in subject.features),
    )


def ruled_model(recipe: bytes, model: bytes, ending: str) -> bytes:
    """Put a recipe and the model it decides about into one file that Assay opens.

    Args:
        recipe: the JSON of a recipe.
        model: the bytes of the model's own file.
        ending: of that file, such as ".skops".
    """
    return _zipped({RECIPE_NAME: recipe, f"model{ending}": model})


def saved_table(files: list[SavedFile]) -> pa.Table:
    """Write the files as a table; beyond the bytes a result may carry only the reason is left."""
    rows: list[dict[str, Any]] = []
    left = MOST_BYTES_TOGETHER
    for file in files:
        written = file.written
        if len(written.content) > left:
            written = Written(
                reason=f"The saved models together take more than {MOST_BYTES_TOGETHER:,} bytes; "
                "compare fewer columns at once to save this one."
            )
        left -= len(written.content)
        rows.append(
            {
                "attribute": file.attribute, "mitigation": file.mitigation, "form": file.form,
                "ending": written.ending, "bytes": len(written.content),
                "content": written.content or None, "note": file.note, "reason": written.reason,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=TABLES["saved_models"])


class Download(NamedTuple):
    """A file as a page offers it.

    Attributes:
        attribute: whose groups are made alike.
        mitigation: its name.
        label: what the file is, in two or three words.
        ending: of the file's name.
        note: what it decides and who can open it.
        reason: why there is no such file; empty where there is.
        build: makes the bytes.
    """

    attribute: str
    mitigation: str
    label: str
    ending: str
    note: str
    reason: str
    build: Callable[[], bytes]


def downloads(measurements: Measurements) -> list[Download]:
    """List every file that the result can be taken away as, in the order of the proposals."""
    table = measurements.tables.get("saved_models")
    if table is None:
        return []
    rows = table.to_pylist()
    bare = next((row for row in rows if not row["attribute"]), None)
    found = []
    for row in rows:
        if not row["attribute"]:
            continue
        content = row["content"] or b""
        head = (row["attribute"], row["mitigation"])
        if row["form"] == MODEL:
            found.append(
                Download(*head, "Model", row["ending"], row["note"], row["reason"],
                         partial(bytes, content))
            )  # fmt: skip
            continue
        if bare is not None:
            note = (
                f"The model with these thresholds, to upload here like any model; it needs the "
                f"column {row['attribute']} too."
            )
            build = partial(ruled_model, content, bare["content"] or b"", bare["ending"])
            found.append(
                Download(*head, "Model with thresholds", ".zip", note, bare["reason"], build)
            )
        found.append(
            Download(*head, "Recipe", row["ending"], row["note"], row["reason"],
                     partial(bytes, content))
        )  # fmt: skip
    return found


def _skops(native: Any) -> bytes:  # noqa: ANN401  untyped library
    import skops.io

    archive = zipfile.ZipFile(io.BytesIO(skops.io.dumps(native)))
    schema = json.loads(archive.read("schema.json"))
    # skops numbers objects by where they lay in memory, and stamps the time of day; numbered as
    # they come, the same model is the same bytes.
    numbers: dict[str, int] = {}
    files: dict[str, str] = {}
    for node in _nodes(schema):
        if "__id__" in node:
            node["__id__"] = numbers.setdefault(str(node["__id__"]), len(numbers) + 1)
        if isinstance(node.get("file"), str):
            name = f"{len(files) + 1}{Path(node['file']).suffix}"
            node["file"] = files.setdefault(node["file"], name)
    entries = {new: _settled(archive.read(old)) for old, new in files.items()}
    return _zipped({**entries, "schema.json": json.dumps(schema, indent=1).encode()})


def _settled(content: bytes) -> bytes:
    """Clear what lies between the fields of a record, which memory fills with anything."""
    if not content.startswith(b"\x93NUMPY"):
        return content
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = array[name]
    sink = io.BytesIO()
    np.save(sink, clean, allow_pickle=False)
    return sink.getvalue()


def _nodes(node: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401  JSON
    if isinstance(node, dict):
        yield node
    if isinstance(node, dict | list):
        for part in node.values() if isinstance(node, dict) else node:
            yield from _nodes(part)


def _xgboost(native: Any) -> bytes:  # noqa: ANN401  untyped library
    return bytes(native.get_booster().save_raw("ubj"))


def _lightgbm(native: Any) -> bytes:  # noqa: ANN401  untyped library
    return str(native.booster_.model_to_string()).encode()


def _catboost(native: Any) -> bytes:  # noqa: ANN401  untyped library
    with tempfile.TemporaryDirectory(prefix="saving-") as folder:
        path = Path(folder) / "model.cbm"
        native.save_model(str(path))
        return path.read_bytes()


def _zipped(entries: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, zipfile.ZIP_DEFLATED)
    return sink.getvalue()
