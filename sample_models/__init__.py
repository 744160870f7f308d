"""Five real data sets, each with a model that shows one risk. Importing this builds nothing.

sample          what a sample is, and the five of them
german_credit, breast_cancer, bike_rental, reviews, digits
                one builder each: data in, model and tables out
build           `python -m sample_models.build` makes them under sample_models/built
prepare         how the tables in data/ were made from the packages that carry them
"""

from sample_models.sample import SAMPLES, Sample, sample_named

__all__ = ["SAMPLES", "Sample", "sample_named"]
