"""The pages: reads the store through ``data``, never writes it and never runs a model."""
