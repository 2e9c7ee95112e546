"""The files of a model, which are somebody else's: every one is opened as untrusted.

One reader for all commands: regular files only, a size limit per kind, numbers in the configuration held against the
weights before anything is built. Standard library alone, but for the last (:mod:`evaluators.model_files.sizes`).
"""
