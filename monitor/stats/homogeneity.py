"""Pearson's test that two rows of counts are samples of the same shares."""

from scipy import special

from monitor.stats.columns import Ints


def pearson(counts: Ints, n_first: int, n_second: int) -> tuple[float, int, float]:
    """Chi-squared, degrees of freedom and p-value of a 2 x k table without empty columns; its rows add up to n.

    Equal to `scipy.stats.chi2_contingency(counts, correction=False)`; p is 1 where there is one column only. Among the
    divergences of this kind its null law is nearest to chi-squared at small counts (Cressie & Read 1984).
    """
    first, second = counts
    gap = first / n_first - second / n_second
    weights = gap / (first + second)
    chi_squared = float(weights @ gap) * n_first * n_second
    df = counts.shape[1] - 1
    return chi_squared, df, float(special.chdtrc(df, chi_squared)) if df else 1.0
