"""Which loader opens which model format."""

from pathlib import Path

from analyzers.core.subject import FileRef
from analyzers.loaders.formats import Format, identify
from analyzers.loaders.loaded_model import LoadedModel


def load_model(path: Path, file: FileRef) -> tuple[LoadedModel, Format]:
    """Open a model file by its content.

    Raises:
        RefusedFile: no model, an unknown format, or something inside that is not taken.
    """
    found = identify(path, file.name, use="model")
    return _open(path, found), found


def _open(path: Path, found: Format) -> LoadedModel:
    # Each library is imported only when a file needs it.
    match found.name:
        case "skops":
            from analyzers.loaders.skops_model import read_skops
            from analyzers.loaders.unwrapped import describe_object

            native, notes = read_skops(path)
            return describe_object(native, trust=found.trust, notes=notes)
        case "pickle":
            from analyzers.loaders.pickle_model import read_pickle
            from analyzers.loaders.unwrapped import describe_object

            native, notes = read_pickle(path)
            return describe_object(native, trust=found.trust, notes=notes)
        case "TorchScript":
            from analyzers.loaders.torch_model import load_torchscript

            return load_torchscript(path)
        case "torch.export":
            from analyzers.loaders.torch_model import load_exported

            return load_exported(path)
        case "XGBoost JSON" | "XGBoost UBJSON":
            from analyzers.loaders.xgboost_model import load_xgboost

            return load_xgboost(path, extension=".json" if found.name[-4:] == "JSON" and
                                "UB" not in found.name else ".ubj")  # fmt: skip
        case "LightGBM":
            from analyzers.loaders.lightgbm_model import load_lightgbm

            return load_lightgbm(path)
        case "CatBoost":
            from analyzers.loaders.catboost_model import load_catboost

            return load_catboost(path)
        case "safetensors text classifier":
            from analyzers.loaders.text_network import load_text_network

            return load_text_network(path)
        case "model with a decision recipe":
            from analyzers.loaders.ruled_model import load_ruled

            return load_ruled(path, load_model)
        case "ONNX":
            from analyzers.loaders.onnx_model import load_onnx

            return load_onnx(path)
    raise ValueError(found.name)
