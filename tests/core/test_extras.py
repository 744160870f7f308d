"""A missing optional package is a sentence, and the two lists of packages stay together."""

import re
import tomllib
from pathlib import Path

import pytest

from analyzers.core.extras import EXTRA_OF, explain_missing

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def pinned() -> set[str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return {line.split("==")[0] for line in lines if re.match(r"\w", line)}


def test_every_declared_package_is_pinned_and_the_other_way_round():
    declared = {*PROJECT["dependencies"], *(name for names in EXTRAS.values() for name in names)}

    assert declared == pinned()


def test_every_pin_is_exact():
    lines = (ROOT / "requirements.txt").read_text().splitlines()

    assert [line for line in lines if re.match(r"\w", line) and "==" not in line] == []


def test_every_optional_module_names_the_extra_that_brings_it():
    assert {
        module: extra for module, extra in EXTRA_OF.items() if module not in EXTRAS[extra]
    } == {}


@pytest.mark.parametrize("module", ["catboost", "onnxruntime.capi", "textattack.recipes"])
def test_a_missing_package_is_named_with_the_way_to_get_it(module):
    error = explain_missing(ModuleNotFoundError("no", name=module))

    package = module.partition(".")[0]
    assert f"'{package}'" in error.message
    assert f"assay[{EXTRA_OF[package]}]" in error.remedy


def test_an_unknown_package_is_still_a_sentence():
    error = explain_missing(ModuleNotFoundError("no", name="left_pad"))

    assert "'left_pad'" in error.message
    assert error.remedy
