"""Ways of getting vectors from a model: one small file a backend, one registry, settings that are written down.

``registry.open_encoder(settings)`` gives anything with ``encode``, ``describe`` and ``close`` (see ``base``).
"""
