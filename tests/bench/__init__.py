"""Measurements against the alternatives: ``python -m tests.bench [--from PATH]``.

One module a subject. A module named ``measure_<subject>`` has a function ``measure(place) -> list[Row]``, and is run
by being there.
"""
