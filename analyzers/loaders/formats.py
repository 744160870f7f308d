"""The formats there are, what each can carry, and how a file's is told from its content.

The extension decides only between formats that look alike (a text file may be a table or a
LightGBM model); a file whose content is not what its extension says is opened as what it is, or
refused.
"""

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from analyzers.core.errors import RefusedFile
from analyzers.core.subject import Trust

Use = Literal["table", "model"]

SAVE_SKLEARN = (
    "Save it in a form that carries no code: `import skops.io; skops.io.dump(model, 'model.skops')`"
    " and upload model.skops."
)
SAVE_XGBOOST = "Save it with `booster.save_model('model.ubj')` and upload model.ubj."
SAVE_LIGHTGBM = "Save it with `booster.save_model('model.txt')` and upload model.txt."
SAVE_CATBOOST = "Save it with `model.save_model('model.cbm')` and upload model.cbm."
SAVE_TORCH = (
    "Save the whole model as a program: `torch.jit.trace(model.eval(), example).save('model.pt')` "
    "or `torch.export.save(torch.export.export(model.eval(), (example,)), 'model.pt2')`."
)
SAVE_TEXT = (
    "Save a BERT, DistilBERT, ELECTRA or RoBERTa sequence classifier with "
    "`model.save_pretrained('folder'); tokenizer.save_pretrained('folder'); "
    "shutil.make_archive('model', 'zip', 'folder')` and upload model.zip."
)
SAVE_ANY = "Or upload a table with the model's scores in a column and no model at all."


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format: its name in words, its extensions, what it can carry and how it begins.

    Attributes:
        fits: tells from the first bytes, and where needed the file, whether it is this format.
    """

    name: str
    use: Use
    extensions: tuple[str, ...]
    trust: Trust
    fits: Callable[["Glance"], bool]


@dataclass(frozen=True, kw_only=True)
class Glance:
    """A first look at a file: nothing in it has been parsed but, for a zip, its directory."""

    path: Path
    extension: str
    head: bytes
    entries: frozenset[str]

    @property
    def inner(self) -> frozenset[str]:
        """Entry names without the folder that torch archives put around everything."""
        return frozenset(name.split("/", 1)[-1] for name in self.entries)


_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"]\x00\x00", b"x\x01", b"x\x5e", b"x\x9c",
               b"x\xda", b"\x04\x22\x4d\x18")  # fmt: skip
_PICKLE_NAMES = (".pkl", ".pickle", ".joblib", ".sav", ".model", ".bin", ".z", ".gz", ".bz2", ".xz",
                 ".lzma", ".lz4", "")  # fmt: skip
_IMAGE_NAMES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")


def _is_pickle(glance: Glance) -> bool:
    head = glance.head
    if re.match(rb"\x80[\x02-\x05]", head):
        return True
    if head.startswith(_COMPRESSED):
        return glance.extension != ".csv"
    # Protocols 0 and 1 have no magic: a mark or a global at the start and a stop at the end.
    if glance.extension not in _PICKLE_NAMES or not re.match(rb"[(c\]}][\S\s]", head):
        return False
    with glance.path.open("rb") as stream:
        stream.seek(max(0, glance.path.stat().st_size - 1))
        return stream.read(1) == b"."


def _is_xgboost_json(glance: Glance) -> bool:
    start = glance.head.lstrip()
    return start.startswith(b"{") and (b'"learner"' in start[:4096] or b'"version"' in start[:64])


def _is_onnx(glance: Glance) -> bool:
    # A protobuf whose first field is ir_version (field 1, varint), small; ONNX has no magic.
    head = glance.head
    if glance.extension == ".onnx":
        return head[:1] in (b"\x08", b"\x12", b"\x3a", b"\x42")
    return bool(re.match(rb"\x08[\x01-\x20][\x12\x3a\x42]", head))


def _is_text(glance: Glance) -> bool:
    head = glance.head
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    if not head:
        return False
    # UTF-16 without a mark has a NUL in every other byte; otherwise NULs are a sign of binary.
    half = max(1.0, len(head) / 2)
    even, odd = head[0::2].count(0) / half, head[1::2].count(0) / half
    if max(even, odd) > 0.4 and min(even, odd) < 0.05:
        return True
    control = sum(byte < 32 and byte not in (0, 9, 10, 11, 12, 13, 27) for byte in head)
    few = max(2.0, len(head) * 0.005)
    return control <= few and head.count(0) <= max(2.0, len(head) * 0.05)


FORMATS: tuple[Format, ...] = (
    Format(
        name="skops",
        use="model",
        extensions=(".skops",),
        trust=Trust.DATA,
        fits=lambda glance: "schema.json" in glance.entries,
    ),
    Format(
        name="torch.export",
        use="model",
        extensions=(".pt2",),
        trust=Trust.PROGRAM,
        fits=lambda glance: (
            "archive_format" in glance.inner
            and any(name.startswith("models/") for name in glance.inner)
        ),
    ),
    Format(
        name="TorchScript",
        use="model",
        extensions=(".pt", ".pth", ".ts"),
        trust=Trust.PROGRAM,
        fits=lambda glance: (
            "constants.pkl" in glance.inner
            and any(name.startswith("code/") for name in glance.inner)
        ),
    ),
    Format(
        name="torch pickle",
        use="model",
        extensions=(".pt", ".pth", ".ckpt"),
        trust=Trust.CODE,
        fits=lambda glance: "data.pkl" in glance.inner,
    ),
    Format(
        name="model with a decision recipe",
        use="model",
        extensions=(".zip",),
        trust=Trust.DATA,
        fits=lambda glance: "recipe.json" in glance.entries,
    ),
    Format(
        name="safetensors text classifier",
        use="model",
        extensions=(".zip",),
        trust=Trust.DATA,
        fits=lambda glance: (
            "config.json" in glance.inner
            and bool(
                glance.inner & {"tokenizer.json", "pytorch_model.bin"}
                or any(name.endswith(".safetensors") for name in glance.inner)
            )
        ),
    ),
    Format(
        name="Excel",
        use="table",
        extensions=(".xlsx",),
        trust=Trust.DATA,
        fits=lambda glance: (
            "[Content_Types].xml" in glance.entries and "xl/workbook.xml" in glance.entries
        ),
    ),
    Format(
        name="npz of images",
        use="table",
        extensions=(".npz",),
        trust=Trust.DATA,
        fits=lambda glance: (
            bool(glance.entries) and all(name.endswith(".npy") for name in glance.entries)
        ),
    ),
    Format(
        name="zip of images",
        use="table",
        extensions=(".zip",),
        trust=Trust.DATA,
        fits=lambda glance: any(name.lower().endswith(_IMAGE_NAMES) for name in glance.entries),
    ),
    Format(
        name="Parquet",
        use="table",
        extensions=(".parquet", ".pq"),
        trust=Trust.DATA,
        fits=lambda glance: glance.head.startswith(b"PAR1"),
    ),
    Format(
        name="CatBoost",
        use="model",
        extensions=(".cbm",),
        trust=Trust.DATA,
        fits=lambda glance: glance.head.startswith(b"CBM1"),
    ),
    Format(
        name="XGBoost UBJSON",
        use="model",
        extensions=(".ubj",),
        trust=Trust.DATA,
        fits=lambda glance: bool(re.match(rb"\{[iIlLU].{1,8}(learner|version)", glance.head, re.S)),
    ),
    Format(
        name="XGBoost JSON",
        use="model",
        extensions=(".json",),
        trust=Trust.DATA,
        fits=_is_xgboost_json,
    ),
    Format(
        name="LightGBM",
        use="model",
        extensions=(".txt", ".lgb", ".model"),
        trust=Trust.DATA,
        fits=lambda glance: bool(re.match(rb"tree\r?\nversion=v\d", glance.head)),
    ),
    Format(
        name="pickle",
        use="model",
        extensions=(".joblib", ".pkl", ".pickle"),
        trust=Trust.CODE,
        fits=_is_pickle,
    ),
    Format(
        name="ONNX",
        use="model",
        extensions=(".onnx",),
        trust=Trust.PROGRAM,
        fits=_is_onnx,
    ),
    Format(
        name="CSV",
        use="table",
        extensions=(".csv", ".tsv", ".txt", ".dat", ".data"),
        trust=Trust.DATA,
        fits=_is_text,
    ),
)


def identify(path: Path, name: str, *, use: Use) -> Format:
    """Tell a file's format from its content.

    Args:
        path: where the bytes are.
        name: the name it was uploaded under, for its extension and for messages.
        use: whether a table or a model is wanted.

    Raises:
        RefusedFile: the content is no known format, or a format of the other use.
    """
    size = path.stat().st_size
    if size == 0:
        raise RefusedFile(
            f"Expected {_article(use)}, got {_shown(name)}, which is empty.",
            remedy="Upload the file again.",
        )
    glance = glance_at(path, name)
    for candidate in FORMATS:
        if candidate.fits(glance):
            if candidate.use != use:
                raise _wrong_use(candidate, name, use)
            if candidate.name == "torch pickle":
                raise RefusedFile(
                    f"Expected a model that can run, got {_shown(name)}, a file of torch.save: it "
                    "holds weights or pickled objects, not the program that uses them.",
                    remedy=f"{SAVE_TORCH} {SAVE_ANY}",
                )
            return candidate
    raise RefusedFile(
        f"Expected {_article(use)}, got {_shown(name)}, whose content is {describe(glance)}.",
        remedy=_what_is_taken(use),
    )


def glance_at(path: Path, name: str) -> Glance:
    """Read a file's first bytes and, for a zip, its directory."""
    with path.open("rb") as stream:
        head = stream.read(8192)
    entries: frozenset[str] = frozenset()
    if head.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                entries = frozenset(archive.namelist())
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise RefusedFile(
                f"Expected a whole file, got {_shown(name)}, a zip archive whose directory cannot "
                "be read; it is damaged or cut off.",
                remedy="Upload the file again.",
            ) from error
    return Glance(path=path, extension=Path(name).suffix.lower(), head=head, entries=entries)


def describe(glance: Glance) -> str:
    """Say in words what the first bytes look like."""
    known = (
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"%PDF", "a PDF document"),
        (b"\x89HDF", "HDF5 (a Keras or h5 file)"),
        (b"\xd0\xcf\x11\xe0", "an old Office file (.xls)"),
        (b"\x93NUMPY", "one numpy array"),
        (b"\x7fELF", "a Linux program"),
        (b"MZ", "a Windows program"),
        (b"7z\xbc\xaf", "a 7-zip archive"),
        (b"Rar!", "a RAR archive"),
        (b"SQLite format 3", "an SQLite database"),
        (b"ARROW1", "an Arrow file"),
        (b"binf", "an XGBoost binary model of the old kind"),
    )
    for magic, words in known:
        if glance.head.startswith(magic):
            return words
    if re.match(rb".{8}\{\s*\"", glance.head, re.DOTALL) and glance.extension == ".safetensors":
        return "safetensors weights without the configuration and tokenizer that use them"
    if glance.entries:
        some = ", ".join(json.dumps(name[:40]) for name in sorted(glance.entries)[:3])
        return f"a zip archive of {len(glance.entries):,} entries such as {some}"
    if _is_text(glance):
        return "text that is no model"
    return "unknown"


def _wrong_use(found: Format, name: str, use: Use) -> RefusedFile:
    if use == "model" and found.name == "CSV":
        message = f"Expected a model, got {_shown(name)}, which is text and no known model."
    else:
        message = f"Expected {_article(use)}, got {_shown(name)}, which is {found.name}."
    return RefusedFile(message, remedy=_what_is_taken(use))


def _what_is_taken(use: Use) -> str:
    names = [f"{item.name} ({', '.join(item.extensions)})" for item in FORMATS if item.use == use]
    names = [name for name in names if not name.startswith("torch pickle")]
    more = f" {SAVE_ANY}" if use == "model" else ""
    return f"Upload one of: {'; '.join(names)}.{more}"


def _article(use: Use) -> str:
    return "a table" if use == "table" else "a model"


def _shown(name: str) -> str:
    return json.dumps(name[:80], ensure_ascii=False)
