"""Every change between the published data and ours, on a few rows one can check by eye."""

import pandas as pd
import pytest

from sample_models.prepare import (
    DATA,
    SOURCES,
    bike_rental_table,
    german_credit_table,
    main,
    reviews_table,
)


def test_codes_of_german_credit_become_words():
    published = pd.DataFrame(
        {
            "risk": [1, 0], "sex": ["male", "female"], "job": [2, 0], "housing": ["own", "rent"],
            "saving_accounts": ["little", "rich"], "checking_account": ["little", "moderate"],
            "credit_amount": [1169, 5951], "duration": [6, 48], "purpose": ["car", "repairs"],
            "age": [67, 22],
        }
    )  # fmt: skip

    table = german_credit_table(published)

    assert table["credit_risk"].tolist() == ["good", "bad"]
    assert table["job"].tolist() == ["skilled", "unskilled, non-resident"]
    assert table["age"].tolist() == [67, 22]


def test_riders_that_add_up_to_the_outcome_are_left_out():
    published = pd.DataFrame(
        {
            "season": [1, 4], "mnth": ["Jan", "Dec"], "day": [1, 365], "hr": [0, 23],
            "holiday": [0, 0], "weekday": [6, 6], "workingday": [0, 0],
            "weathersit": ["clear", "heavy rain/snow"], "temp": [0.24, 0.3],
            "atemp": [0.2879, 0.3], "hum": [0.81, 0.5], "windspeed": [0.0, 0.1],
            "casual": [3, 1], "registered": [13, 2], "bikers": [16, 3],
        }
    )  # fmt: skip

    table = bike_rental_table(published)

    assert {"casual", "registered"}.isdisjoint(table.columns)
    assert table["month"].tolist() == [1, 12]
    assert table["weather_severity"].tolist() == [1, 4]


def test_a_repeated_review_is_kept_once_and_zero_is_not_positive():
    published = pd.DataFrame(
        {"id": [1, 2, 3], "rating": [2.3, 0.0, -1.0], "text": ["Fine.", "Meh.", "Fine."]}
    )

    assert reviews_table(published).to_numpy().tolist() == [
        ["Fine.", "positive"],
        ["Meh.", "negative"],
    ]


def test_another_release_is_refused(tmp_path):
    for name in SOURCES:
        (tmp_path / name).write_bytes(b"something else")

    with pytest.raises(SystemExit, match="expected SHA-256"):
        main(tmp_path)


def test_the_licence_note_names_the_very_files_the_tables_came_from():
    note = (DATA / "LICENSES.md").read_text(encoding="utf-8")

    assert [digest for digest in SOURCES.values() if digest not in note] == []
