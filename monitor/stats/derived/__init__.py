"""Numbers and categories that stand for values which no profile takes: texts and vectors. Pure, value by value."""
