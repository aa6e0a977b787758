"""Where a deployment keeps what it knows: key-sealed vault, service database, lake of Parquet, and who may write them."""
