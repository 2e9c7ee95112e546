"""mteb's result files: bytes in, figures out, under the names things have today."""
