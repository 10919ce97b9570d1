"""Flows at rest: Parquet files with a versioned schema."""
