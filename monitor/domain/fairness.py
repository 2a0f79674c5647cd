"""Which features of a model are sensitive, and what a favourable prediction is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FairnessPolicy:
    """Group fairness of a model.

    `features` are sensitive columns: the segments that lie on one of them are its groups. `favourable` is the label
    that people hope for. A group of fewer than `min_records` in a window, or of less than `min_share` (0 to 1) of those
    whose group is known, is told and not compared.
    """

    features: tuple[str, ...]
    favourable: str
    min_records: int = 30
    min_share: float = 0.02
