"""Measurements against the alternatives: ``python -m tests.bench [--from PATH] [--only SUBJECT]``.

One module a subject; every module here with a function ``measure(context)`` is run, and prints its lines.
"""
