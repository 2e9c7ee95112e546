"""Facts of models that mteb's registry does not know, from the model_meta.json beside their results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import duckdb

from data.store.errors import UnreadableResultError
from data.store.rows import append
from evaluators.official.scan import META, Source
from evaluators.results.parse import load_json

__all__ = ["describe_unregistered"]

# Keys of model_meta.json that a column of `models` may stand under, where not under its own name; older files use the
# later ones.
_KEYS = {
    "licence": ("license",),
    "similarity": ("similarity_fn_name",),
    "memory_mb": ("memory_usage_mb", "memory_usage"),
    "dimensions": ("embed_dim",),
    "open_weights": ("open_weights", "open_source"),
}
_TEXTS = ("release_date", "licence", "similarity", "reference", "adapted_from", "revision")
_NUMBERS = ("n_parameters", "n_embedding_parameters", "memory_mb", "max_tokens", "dimensions")
_YES_OR_NO = ("open_weights", "use_instructions")
_LISTS = ("languages", "framework", "modalities", "model_type")


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
    cards = [(model, root, f"{path.rpartition('/')[0]}/{META}") for model, root, path in rows]
    for root, source in by_root.items():
        source.ahead([path for _, of, path in cards if of == root])
    for model, root, path in cards:
        facts = _facts(by_root[root], path)
        if facts:
            _update(connection, model, facts)


def _facts(source: Source, path: str) -> dict[str, Any]:
    if not source.has(path):
        return {}
    try:
        meta = load_json(source.read(path))
    except UnreadableResultError:  # then its results were rejected, and the import has said so
        return {}
    readers = ((_text, _TEXTS), (_size, _NUMBERS), (_flag, _YES_OR_NO), (_texts, _LISTS))
    values = {column: read(_first(meta, column)) for read, columns in readers for column in columns}
    facts = {column: value for column, value in values.items() if value is not None}
    trained_on = _texts(meta.get("training_datasets"))
    return facts | {"training_known": trained_on is not None, "trained_on": trained_on or []}


def _first(meta: dict[str, Any], column: str) -> Any:
    return next((meta[key] for key in _KEYS.get(column, (column,)) if meta.get(key) is not None), None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


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
    append(connection, "model_training", [{"model": model, "task": task} for task in dict.fromkeys(trained_on)])


def _typed(column: str) -> str:
    """A marker for a value that might not be what the column wants: a date that is none becomes unknown."""
    types = {"release_date": "DATE", "memory_mb": "DOUBLE"} | dict.fromkeys({*_NUMBERS} - {"memory_mb"}, "BIGINT")
    return f"TRY_CAST(? AS {types[column]})" if column in types else "?"
