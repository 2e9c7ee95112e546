"""Everything that runs a model or reads the world: importers, reproductions, parity checks, preflight, diagnosis.

Writes the store through ``data`` and is never imported by the dashboard.
"""
