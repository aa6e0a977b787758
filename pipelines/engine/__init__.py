"""Engines that read the lake: a narwhals lazy frame over Parquet files, nothing more."""
