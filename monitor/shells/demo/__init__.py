"""The data story of `driftline demo`: a public data set with a known change, the model on it, and its inference log."""
