"""skops files: scikit-learn models without code, held to our own exact list of types."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analyzers.core.errors import RefusedFile
from analyzers.loaders import allowed_objects, bounds
from analyzers.loaders.formats import SAVE_ANY
from analyzers.loaders.sklearn_versions import check_version
from analyzers.loaders.zip_entries import Archive

_SCHEMA_BYTES = 256 * bounds.MEBIBYTE
# What skops itself writes around the objects of the list: containers, arrays, generators.
_SHAPES = frozenset(
    tuple(name.rsplit(".", 1))
    for name in [
        "builtins.list",
        "builtins.tuple",
        "builtins.set",
        "builtins.dict",
        "builtins.str",
        "builtins.int",
        "builtins.float",
        "builtins.bool",
        "builtins.bytes",
        "builtins.bytearray",
        "builtins.slice",
        "builtins.type",
        "builtins.NoneType",
        "builtins.frozenset",
        "builtins.complex",
        "collections.OrderedDict",
        "collections.defaultdict",
        "numpy.ndarray",
        "numpy.dtype",
        "numpy.ma.MaskedArray",
        "numpy.random.mtrand.RandomState",
        "numpy.random._generator.Generator",
        "numpy.random.Generator",
        "numpy.random.RandomState",
        "numpy.ufunc",
        "numpy.matrix",
        "sklearn.tree._tree.Tree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
    ]
)
_ALSO_TRUSTED = frozenset(
    {("numpy", "dtype"), ("collections", "OrderedDict"), ("functools", "partial")}
)
# How an object is rebuilt. Calls of attributes and operators are not among them; a partial call is
# stored, never made, and only of a function on the list.
_LOADERS = frozenset(
    [
        "BytearrayNode",
        "BytesNode",
        "CachedNode",
        "DatetimeTimedeltaNode",
        "DefaultDictNode",
        "DictNode",
        "DTypeNode",
        "FunctionNode",
        "PartialNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "MaskedArrayNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomGeneratorNode",
        "RandomStateNode",
        "SetNode",
        "SliceNode",
        "SparseMatrixNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    ]
)


def read_skops(path: Path) -> tuple[Any, tuple[str, ...]]:
    """Read the object of a skops file.

    Returns:
        The object, and sentences about the versions that wrote it.

    Raises:
        RefusedFile: a type outside the list, by name, or a damaged file.
    """
    archive = Archive(path, what="a skops file", most_bytes=bounds.MODEL_BYTES)
    schema = _schema(archive)
    pairs = set(_named(schema))
    named = sorted(f"{module}.{name}" for module, name in pairs if _is_new(module, name))
    if named:
        raise _untrusted(named)
    from skops import io as skops_io
    from skops.io.exceptions import UntrustedTypesFoundException

    # Only what this file names: skops goes through the whole list for every object.
    known = allowed_objects.ALL_NAMES | _ALSO_TRUSTED
    trusted = [f"{module}.{name}" for module, name in sorted(pairs) if (module, name) in known]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = skops_io.load(path, trusted=trusted)
    except UntrustedTypesFoundException as error:
        raise _untrusted([str(error)[:400]]) from None
    # A forged file makes the constructors it may name raise anything.
    except Exception as error:
        raise RefusedFile(
            f"Expected a whole skops file, got one that is damaged ({type(error).__name__}).",
            remedy=f"Save it again with `skops.io.dump`. {SAVE_ANY}",
        ) from None
    return loaded, _version_notes(loaded)


def _schema(archive: Archive) -> Any:  # noqa: ANN401  JSON
    content = archive.read("schema.json")
    if len(content) > _SCHEMA_BYTES:
        raise RefusedFile(
            f"Expected a skops schema of at most {_SCHEMA_BYTES:,} bytes, got {len(content):,}."
        )
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RefusedFile(
            "Expected a skops file, got one whose schema.json cannot be read.",
            remedy="Save it again with `skops.io.dump`.",
        ) from error


def _named(schema: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  JSON
    """Yield every (module, class) pair a schema names, without importing anything."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if "__module__" in node or "__class__" in node:
                yield str(node.get("__module__", "")), str(node.get("__class__", ""))
            loader = node.get("__loader__")
            if loader is not None and loader not in _LOADERS:
                yield "skops.io", str(loader)
            # A function or a type is named in its content.
            if "module_path" in node or "function" in node:
                yield str(node.get("module_path", "")), str(node.get("function", ""))
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _is_new(module: str, name: str) -> bool:
    module = allowed_objects.RENAMED.get(module, module)
    return (module, name) not in allowed_objects.ALL_NAMES and (
        module,
        name,
    ) not in _SHAPES | _ALSO_TRUSTED


def _version_notes(loaded: object) -> tuple[str, ...]:
    state = getattr(loaded, "__dict__", {})
    version = state.get("_sklearn_version") if isinstance(state, dict) else None
    note = check_version(str(version)) if version is not None else ""
    return (note,) if note else ()


def _untrusted(names: list[str]) -> RefusedFile:
    shown = ", ".join(name[:100] for name in names[:8])
    more = f" and {len(names) - 8:,} more" if len(names) > 8 else ""
    return RefusedFile(
        f"Expected a skops file of known types, got one that names {shown}{more}; it was not "
        "opened.",
        remedy=f"Keep to estimators and functions of scikit-learn and numpy. {SAVE_ANY}",
    )
