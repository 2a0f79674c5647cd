"""The archive: raw rows as Parquet files under any URL that fsspec knows, listed in the database."""
