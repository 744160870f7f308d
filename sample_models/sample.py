"""What a sample is, and the five of them."""

from dataclasses import dataclass
from pathlib import Path

from analyzers.inspection import InspectionParams

HERE = Path(__file__).parent
BUILT = HERE / "built"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A model with its data, ready to be examined once it is built.

    Attributes:
        name: the builder's module and the folder under `built`.
        title: a few words for a menu.
        area: the analyzer to open first.
        shows: which risk, in one sentence.
        model_file: the model's file name; its ending tells the format.
        data_file: the rows the model has not seen.
        training_file: the rows it was fitted on, or None.
        params: what an expert would answer to the questions about the columns.
    """

    name: str
    title: str
    area: str
    shows: str
    model_file: str
    data_file: str
    training_file: str | None
    params: InspectionParams

    @property
    def card(self) -> Path:
        """The page that says where the data come from and what to look for."""
        return HERE / "cards" / f"{self.name}.md"

    @property
    def model_path(self) -> Path:
        """The model file; there once the sample is built."""
        return BUILT / self.name / self.model_file

    @property
    def data_path(self) -> Path:
        """The held-out table; there once the sample is built."""
        return BUILT / self.name / self.data_file

    @property
    def training_data_path(self) -> Path | None:
        """The training table, or None where there is none."""
        return None if self.training_file is None else BUILT / self.name / self.training_file

    @property
    def is_built(self) -> bool:
        """Whether every file is there."""
        paths = (self.model_path, self.data_path, self.training_data_path)
        return all(path is None or path.is_file() for path in paths)


SAMPLES: tuple[Sample, ...] = (
    Sample(
        name="german_credit",
        title="German credit: who gets a loan",
        area="fairness",
        shows="A lender's forest grants loans at different rates to the young and the old.",
        model_file="model.skops",
        data_file="applicants.csv",
        training_file="training.csv",
        params=InspectionParams(
            target="credit_risk",
            positive_class="good",
            sensitive=("sex", "age"),
            immutable=("sex", "age"),
        ),
    ),
    Sample(
        name="breast_cancer",
        title="Breast cancer: a diagnosis from a biopsy",
        area="privacy",
        shows="An overfitted neural network tells an attacker whose record it was trained on.",
        model_file="model.skops",
        data_file="biopsies.csv",
        training_file="training.csv",
        params=InspectionParams(target="diagnosis", positive_class="malignant"),
    ),
    Sample(
        name="bike_rental",
        title="Bike rental: demand by the hour",
        area="explanation",
        shows="A demand forecast leans on the clock more than on the weather.",
        model_file="model.txt",
        data_file="hours.parquet",
        training_file="training.parquet",
        params=InspectionParams(target="bikers", immutable=("month", "hour", "weekday")),
    ),
    Sample(
        name="reviews",
        title="Film reviews: liked it or not",
        area="adversarial",
        shows="Swapping a letter in a word turns a text classifier's answer round.",
        model_file="model.joblib",
        data_file="reviews.csv",
        training_file="training.csv",
        params=InspectionParams(target="sentiment", positive_class="positive"),
    ),
    Sample(
        name="digits",
        title="Handwritten digits: read a numeral",
        area="adversarial",
        shows="A change the eye hardly sees makes a convolutional network misread a digit.",
        model_file="model.pt",
        data_file="digits.npz",
        training_file="training.npz",
        params=InspectionParams(target="label"),
    ),
)


def sample_named(name: str) -> Sample:
    """Return the sample called `name`.

    Raises:
        KeyError: no sample has that name; the message lists those that exist.
    """
    for sample in SAMPLES:
        if sample.name == name:
            return sample
    names = ", ".join(sample.name for sample in SAMPLES)
    raise KeyError(f"Expected the name of a sample, got {name!r}; choose one of: {names}.")
