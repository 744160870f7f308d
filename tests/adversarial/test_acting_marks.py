"""Marks that act instead of show travel written out, and a download holds the very text."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.acting_marks import read_back, safe_json, written_out
from analyzers.adversarial.text_bundle import bundle_texts
from analyzers.jobs.hostile_text import tame, tame_array
from tests.adversarial.benches import reviews_bench


@given(st.text(max_size=60))
def test_what_is_written_out_survives_and_comes_back(text):
    written = written_out(text)

    assert read_back(written) == text
    assert tame(written) == written


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_json_with_escapes_holds_the_same(text):
    made = safe_json(json.dumps({"text": text}, ensure_ascii=False))

    assert json.loads(made) == {"text": text}
    assert tame(made) == made


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe",
    ["Reordered letters", "Deleted letters", "Invisible characters", "Look-alike letters"],
)
def test_a_downloaded_text_fools_the_model_again(recipe):
    bench, params = reviews_bench(30), AdversarialParams(recipe=recipe, rows=30, behaviour=False)
    measured = ANALYZER.measure(bench, params)
    # As it comes out of a worker.
    tables = {
        name: pa.Table.from_arrays(
            [tame_array(column) for column in table.columns], schema=table.schema
        )
        for name, table in measured.tables.items()
        for table in [table.combine_chunks()]
    }
    came_out = replace(measured, tables=tables)

    bundle = json.loads(bundle_texts(came_out, bench.subject, params.model_dump(mode="json")))

    assert bundle["examples"]
    texts = [example["adversarial"] for example in bundle["examples"]]
    answers = [bench.subject.classes[int(code)] for code in bench.need_model().predict(texts)]
    assert answers == [example["after"] for example in bundle["examples"]]
    assert not any("\N{REPLACEMENT CHARACTER}" in text for text in texts)
