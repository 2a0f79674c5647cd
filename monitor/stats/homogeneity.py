"""Pearson's test that two rows of counts are samples of the same shares."""

from scipy import special

from monitor.stats.columns import Ints


def pearson(counts: Ints) -> tuple[float, int, float]:
    """Chi-squared, degrees of freedom and p-value of a 2 x k table without empty rows or columns.

    Equal to `scipy.stats.chi2_contingency(counts, correction=False)`; p is 1 where there is one column only. Among the
    divergences of this kind its null law is nearest to chi-squared at small counts (Cressie & Read 1984).
    """
    n_first, n_second = counts.sum(axis=1).tolist()
    total = n_first + n_second
    pooled = counts.sum(axis=0) / total
    gap = counts[0] / n_first - counts[1] / n_second
    chi_squared = float((gap * gap / pooled).sum()) * (n_first / total) * n_second
    df = counts.shape[1] - 1
    return chi_squared, df, float(special.chdtrc(df, chi_squared)) if df else 1.0
