"""Facts of models that mteb's registry does not know, from the model_meta.json beside their results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb
import pyarrow as pa

from data.store.errors import UnreadableResultError
from evaluators.official.scan import META, Source
from evaluators.results.parse import load_json

__all__ = ["describe_unregistered"]

# column of `models` -> keys of model_meta.json it may stand under (older files use the later ones), and its type
_TEXTS = {
    "release_date": ("release_date",),
    "licence": ("license",),
    "similarity": ("similarity_fn_name",),
    "reference": ("reference",),
    "adapted_from": ("adapted_from",),
    "revision": ("revision",),
}
_NUMBERS = {
    "n_parameters": ("n_parameters",),
    "n_embedding_parameters": ("n_embedding_parameters",),
    "memory_mb": ("memory_usage_mb", "memory_usage"),
    "max_tokens": ("max_tokens",),
    "dimensions": ("embed_dim",),
}
_YES_OR_NO = {"open_weights": ("open_weights", "open_source"), "use_instructions": ("use_instructions",)}
_LISTS = {
    "languages": ("languages",),
    "framework": ("framework",),
    "modalities": ("modalities",),
    "model_type": ("model_type",),
}


def describe_unregistered(connection: duckdb.DuckDBPyConnection, sources: Iterable[Source]) -> None:
    """Fill in what the files just read say of models that no registry knows.

    Reads the temporary table ``seen`` of the import; a model's newest result names the folder whose file is taken.
    """
    by_root = {source.root: source for source in sources}
    rows = connection.execute(
        """SELECT model, root, max_by(path, result_id)
        FROM seen JOIN results USING (result_id) JOIN models USING (model)
        WHERE NOT registered AND experiment = '' GROUP BY model, root"""
    ).fetchall()
    for model, root, path in rows:
        facts = _facts(by_root[root], f"{path.rpartition('/')[0]}/{META}")
        if facts:
            _update(connection, model, facts)


def _facts(source: Source, path: str) -> dict[str, Any]:
    if not source.has(path):
        return {}
    try:
        meta = load_json(source.read(path))
    except UnreadableResultError:  # then its results were rejected, and the import has said so
        return {}
    facts: dict[str, Any] = {}
    facts |= {column: text for column, keys in _TEXTS.items() if isinstance(text := _first(meta, keys), str)}
    facts |= {column: size for column, keys in _NUMBERS.items() if (size := _size(_first(meta, keys))) is not None}
    facts |= {column: flag for column, keys in _YES_OR_NO.items() if isinstance(flag := _first(meta, keys), bool)}
    facts |= {column: texts for column, keys in _LISTS.items() if (texts := _texts(_first(meta, keys))) is not None}
    trained_on = _texts(meta.get("training_datasets"))
    return facts | {"training_known": trained_on is not None, "trained_on": trained_on or []}


def _first(meta: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((meta[key] for key in keys if meta.get(key) is not None), None)


def _size(value: Any) -> float | None:
    """A positive number; the largest of several, as Matryoshka models have."""
    numbers = value if isinstance(value, list) else [value]
    fit = [n for n in numbers if isinstance(n, int | float) and not isinstance(n, bool) and 0 < n < 2**62]
    return max(fit) if fit else None


def _texts(value: Any) -> list[str] | None:
    """A list of texts; older files have a mapping from names instead."""
    if isinstance(value, dict):
        value = list(value)
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else None


def _update(connection: duckdb.DuckDBPyConnection, model: str, facts: dict[str, Any]) -> None:
    trained_on = facts.pop("trained_on")
    sets = ", ".join(f"{column} = {_typed(column)}" for column in facts)
    connection.execute(f"UPDATE models SET {sets} WHERE model = ?", [*facts.values(), model])
    connection.execute("DELETE FROM model_training WHERE model = ?", [model])
    if trained_on:
        connection.register("trained_on", pa.table({"model": [model] * len(trained_on), "task": trained_on}))
        connection.execute("INSERT INTO model_training BY NAME SELECT DISTINCT * FROM trained_on")
        connection.unregister("trained_on")


def _typed(column: str) -> str:
    """A marker for a value that might not be what the column wants: a date that is none becomes unknown."""
    types = {"release_date": "DATE", "memory_mb": "DOUBLE"} | dict.fromkeys(_NUMBERS.keys() - {"memory_mb"}, "BIGINT")
    return f"TRY_CAST(? AS {types[column]})" if column in types else "?"
