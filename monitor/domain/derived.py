"""Columns that are made of others: of a text its descriptors, of a vector some components."""

from dataclasses import dataclass

from monitor.domain.columns import ColumnKind, ColumnSpec

TEXT_NUMBERS = (
    "characters", "words", "sentences", "word_length", "distinct_words", "letters", "digits", "uppercase",
    "readability",
)  # fmt: skip
SCRIPT, WORD = "script", "word"
LENGTH, SHAPE = "length", "shape"
MOST_DIMENSIONS, MOST_COMPONENTS = 8_192, 64


def is_made_of(name: str, column: str) -> bool:
    """Whether the column `name` is one of those that are made of this text or vector."""
    return name.startswith(f"{column}.")


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A column of texts; with `words`, one word of each is looked at, too."""

    column: str
    words: bool = True

    @property
    def specs(self) -> tuple[ColumnSpec, ...]:
        """The columns that are made of it."""
        numbers = (ColumnSpec(f"{self.column}.{name}", ColumnKind.NUMERIC) for name in TEXT_NUMBERS)
        texts = (SCRIPT, WORD) if self.words else (SCRIPT,)
        return (*numbers, *(ColumnSpec(f"{self.column}.{name}", ColumnKind.CATEGORICAL) for name in texts))


@dataclass(frozen=True, slots=True)
class VectorColumn:
    """A column of vectors (lists of `dimensions` numbers, at most 8,192), projected on so many `components` (to 64)."""

    column: str
    dimensions: int
    components: int = 16

    @property
    def specs(self) -> tuple[ColumnSpec, ...]:
        """The columns that are made of it."""
        names = (*(f"c{k}" for k in range(min(self.components, self.dimensions))), LENGTH)
        numbers = (ColumnSpec(f"{self.column}.{name}", ColumnKind.NUMERIC) for name in names)
        return (*numbers, ColumnSpec(f"{self.column}.{SHAPE}", ColumnKind.CATEGORICAL))


DerivedColumn = TextColumn | VectorColumn
