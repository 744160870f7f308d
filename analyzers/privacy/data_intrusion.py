"""A table that is a sample: whether who stands alone in it stands alone among all people."""

import math

from scipy import stats

from analyzers.core.result import Estimate

FEWEST = 10


def match_risk(
    n_alone: int, n_pairs: int, n_triples: int, *, n_rows: int, population: int
) -> Estimate:
    """Estimate how often the only record that fits a person is that person's.

    An attacker takes anybody, and exactly one record of the table has the same values. Let `f` be
    the share of all people in the table. Those outside it who fit a record that stands alone number
    `2 * n_pairs * (1 - f) / f`, without bias, whatever the sizes of the combinations;
    the record is the right one with probability `n_alone` over `n_alone` and them. It supposes a
    random sample and no more.

    The interval is for these very people: it holds the error of the estimate and the luck of who is
    in the table, with independent combinations and on the scale of logarithms.

    Args:
        n_alone: combinations that one record has.
        n_pairs: combinations that two records have.
        n_triples: combinations that three records have.
        n_rows: records in the table.
        population: people it was drawn from; 0 where that is not known.

    References:
        Skinner and Elliot 2002 (data intrusion simulation).
    """
    if population <= 0:
        return Estimate.unmeasured("How many people the table was drawn from is not given.")
    if population < n_rows:
        return Estimate.unmeasured(
            f"Expected a population of at least the {n_rows:,} records, got {population:,}."
        )
    if n_alone < FEWEST:
        return Estimate.unmeasured(
            f"Needs {FEWEST} records that stand alone, got {n_alone}.", n=n_alone
        )
    if population == n_rows:
        return Estimate(value=1.0, n=n_alone, reason="Everybody is in the table.")
    odds = population / n_rows - 1
    # Without a single pair the estimate is 0 and its error unknown: one pair more is supposed.
    pairs = max(1, n_pairs)
    others = 2 * pairs * odds
    error = math.sqrt(4 * pairs * odds**2 + 6 * n_triples * odds**2 + 2 * pairs * odds)
    reach = math.exp(float(stats.norm.ppf(0.975)) * error / others)
    return Estimate(
        value=n_alone / (n_alone + 2 * n_pairs * odds),
        low=n_alone / (n_alone + others * reach),
        high=1.0 if n_pairs == 0 else n_alone / (n_alone + others / reach),
        n=n_alone,
        method="data intrusion simulation, log-normal",
    )
