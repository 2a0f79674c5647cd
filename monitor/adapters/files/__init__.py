"""Sources over folders of JSON lines and Parquet files."""
