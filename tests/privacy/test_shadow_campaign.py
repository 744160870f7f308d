"""Shadow models fitted once: kept between questions, and the same wherever they were fitted."""

from dataclasses import replace

import numpy as np
import pytest

from analyzers.jobs.launcher import launcher
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from analyzers.jobs.workspaces import new_workspace
from analyzers.privacy import ANALYZER
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.shadow_campaign import SHADOWS, shadow_groundwork
from tests.jobs.uploads import credit_subject
from tests.privacy.networks import network_bench

PARAMS = PrivacyParams(shadow_models="4", learned=False)


def test_what_was_fitted_before_gives_the_bytes_of_what_is_fitted_now():
    seeded = {"rng": np.random.default_rng(3)}
    here = measure(replace(network_bench(60), **seeded), PARAMS)

    (item,) = shadow_groundwork(network_bench(60).subject, PARAMS) or (None,)
    params = item.params if item else SHADOWS.params(shadow_models="4")
    kept = SHADOWS.measure(replace(network_bench(60), rng=np.random.default_rng(3)), params)
    elsewhere = measure(
        replace(network_bench(60), rng=np.random.default_rng(3), groundwork={SHADOWS.name: kept}),
        PARAMS,
    )

    assert kept.tables["trained"].num_rows == 4
    assert {name: table.to_pydict() for name, table in here.tables.items()} == {
        name: table.to_pydict() for name, table in elsewhere.tables.items()
    }
    assert here.estimates == elsewhere.estimates


def test_nothing_is_fitted_unasked_or_without_a_recipe():
    subject = network_bench(60).subject
    assert shadow_groundwork(subject, PrivacyParams()) == ()

    refused = SHADOWS.measure(network_bench(60, refit=False), SHADOWS.params(shadow_models="4"))

    assert not refused.tables
    assert "fitted anew" in refused.facts["obstacle"]
    assert not SHADOWS.measure(network_bench(60), SHADOWS.params()).tables


@pytest.mark.sandbox
def test_another_choice_does_not_fit_them_again(tmp_path):
    store = Store(tmp_path / "store", workspace=new_workspace())
    runner = Runner(store)
    try:
        assert launcher().wait_warm(120)
        subject = credit_subject(runner, store, training=True)
        first, second, another = (
            runner.submit(ANALYZER, subject, PARAMS.model_copy(update=update))
            for update in ({}, {"listed_records": 7}, {"shadow_models": "8"})
        )
        for job_id in (first, second, another):
            assert runner.wait(job_id, timeout=120).state == "done", runner.state(job_id)

        fitted = [
            job_id
            for job_id in store._job_ids()
            if store._request(job_id).job.analyzer == SHADOWS.name
        ]
        assert len(fitted) == 2
        assert runner.result(first).measurements.facts["shadow_models"] == 4
        assert runner.result(second).measurements.tables["exposed_records"].num_rows == 7
        assert runner.result(another).measurements.facts["shadow_models"] == 8
        assert SHADOWS.name not in {record.analyzer for record in store.history()}
    finally:
        runner.close()
