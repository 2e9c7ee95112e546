"""The published MTEB record: read from a checkout, a cache folder or the bundled record into the store."""
