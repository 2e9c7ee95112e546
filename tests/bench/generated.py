"""A record so many times as large as the real one, drawn from it with a seed, and written as the bundle is.

A new model is a draw of a real one: its results with their tasks, revisions, origins and dates, its cells and facts.
Its scores are the real one's, moved by what the model has in common and by what each cell has of its own, so that
nobody ties with the model it is drawn from. One shard a copy of the record, so that nothing here or in the import has
to hold more than one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb

from evaluators.official import bundle

__all__ = ["generate"]

SEED = 14
_SAME = (
    "SOURCE.json", "benchmark_cells.parquet", "benchmark_groups.parquet", "benchmark_tasks.parquet",
    "benchmarks.parquet", "cells.parquet", "noise_floors.parquet", "renames.parquet", "task_cells.parquet",
    "tasks.parquet",
)  # fmt: skip
_PARQUET = "(FORMAT parquet, COMPRESSION zstd)"

# Every copy draws as many models as the record has, with replacement. Standard deviations of what is added to a score:
# .03 a model, .01 a cell; a score outside 0 to 1, a speed say, is multiplied instead.
_DRAWS = """
CREATE OR REPLACE TEMP TABLE draws AS
WITH slots AS (SELECT range AS slot FROM range($models))
SELECT slot, numbered.model AS source, numbered.results,
    format('generated-{}/{}-{}', $copy, split_part(numbered.model, '/', -1), slot) AS model,
    0.03 * normal(hash($seed, $copy, slot, 'model')) AS shift,
    sum(results) OVER (ORDER BY slot) - results AS before
FROM slots JOIN numbered ON numbered.number = hash($seed, $copy, slot) % $models
"""
_NORMAL = """
CREATE OR REPLACE TEMP MACRO normal(h) AS  -- Box and Muller, of two halves of a hash
    sqrt(-2 * ln(((h % 4294967296) + 1) / 4294967297.0)) * cos(2 * pi() * ((h // 4294967296) / 4294967296.0))
"""
_RESULTS = """
SELECT (draws.before + local.place)::INTEGER AS result_id, local.* EXCLUDE (result_id, place) REPLACE (
    draws.model AS model, NULL AS file, NULL AS filed_as, local.date + INTERVAL 1 HOUR * $copy AS date)
FROM draws JOIN local ON local.model = draws.source ORDER BY 1
"""
_SCORES = """
WITH moved AS (
    SELECT (draws.before + local.place)::INTEGER AS result_id, s.position,
        coalesce(s.millionths / 1e6, s.exact) AS score,
        draws.shift + 0.01 * normal(hash($seed, $copy, draws.slot, s.result_id, s.position)) AS added
    FROM draws JOIN local ON local.model = draws.source JOIN scores s ON s.result_id = local.result_id
)
SELECT result_id, position,
    CASE WHEN score BETWEEN 0 AND 1 THEN round(1e6 * greatest(0, least(1, score + added)))::INTEGER END AS millionths,
    CASE WHEN score NOT BETWEEN 0 AND 1 THEN score * (1 + added) END AS exact
FROM moved ORDER BY result_id, position
"""


def generate(folder: Path, scale: int, *, real: Path = bundle.FOLDER, seed: int = SEED) -> None:
    """Write a bundle of ``scale`` times the models, results and scores of the one in ``real``."""
    folder.mkdir(parents=True)
    for name in _SAME:
        shutil.copy(real / name, folder / name)
    with duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(folder / "spill")}) as connection:
        connection.execute("SET preserve_insertion_order = true")
        for name in ("results", "scores", "models", "model_training"):
            connection.read_parquet(str(real / f"{name}.parquet")).create_view(name)
        connection.execute(_NORMAL)
        connection.execute(
            """CREATE TEMP TABLE numbered AS SELECT model, count(*) AS results,
            row_number() OVER (ORDER BY model) - 1 AS number FROM results GROUP BY model;
            CREATE TEMP TABLE local AS
            SELECT *, row_number() OVER (PARTITION BY model ORDER BY result_id) - 1 AS place FROM results;
            CREATE TEMP TABLE all_models AS FROM models;
            CREATE TEMP TABLE all_training AS FROM model_training"""
        )
        for name in ("results", "scores"):
            shutil.copy(real / f"{name}.parquet", folder / f"{name}.parquet")
        for copy in range(1, scale):
            _write_copy(connection, folder, copy, seed)
        connection.execute(f"COPY all_models TO '{folder}/models.parquet' {_PARQUET}")
        connection.execute(f"COPY all_training TO '{folder}/model_training.parquet' {_PARQUET}")
    source = json.loads((folder / "SOURCE.json").read_text("utf-8"))
    (folder / "SOURCE.json").write_text(json.dumps(source | {"generated": {"scale": scale, "seed": seed}}), "utf-8")


def _write_copy(connection: duckdb.DuckDBPyConnection, folder: Path, copy: int, seed: int) -> None:
    """Draw the models of one copy and write their results and scores as a shard."""
    [(models,)] = connection.execute("SELECT count(*) FROM numbered").fetchall()
    connection.execute(_DRAWS, {"models": models, "copy": copy, "seed": seed})
    connection.execute(
        """INSERT INTO all_models SELECT m.* REPLACE (draws.model AS model)
        FROM draws JOIN models m ON m.model = draws.source;
        INSERT INTO all_training
        SELECT draws.model, t.task FROM draws JOIN model_training t ON t.model = draws.source"""
    )
    for name, query in (("results", _RESULTS), ("scores", _SCORES)):
        values = {"copy": copy} if name == "results" else {"copy": copy, "seed": seed}
        connection.execute(f"COPY ({query}) TO '{folder}/{name}-{copy:03d}.parquet' {_PARQUET}", values)


def write_files(folder: Path, number: int, *, real: Path = bundle.FOLDER) -> None:
    """Write ``number`` new result files, of one model that nobody knows, below ``folder/results``."""
    with duckdb.connect() as connection:
        query = f"""
            SELECT r.task, r.mteb_version, r.dataset_revision, list(s ORDER BY s.position) AS cells
            FROM (SELECT * FROM '{real}/results.parquet' WHERE origin = 'official' AND NOT withdrawn
                  QUALIFY row_number() OVER (PARTITION BY task ORDER BY hash(model)) = 1
                  ORDER BY hash(task) LIMIT {number}) r
            JOIN (SELECT result_id, cell_set, position, split, subset, coalesce(millionths / 1e6, exact) AS score
                  FROM '{real}/scores.parquet' JOIN '{real}/results.parquet' USING (result_id)
                  JOIN '{real}/cells.parquet' USING (cell_set, position)) s ON s.result_id = r.result_id
            GROUP BY ALL"""
        rows = connection.execute(query).fetchall()
    place = folder / "results" / "new__model" / "revision"
    place.mkdir(parents=True)
    (place / "model_meta.json").write_text(json.dumps({"name": "new/model", "revision": "revision"}), "utf-8")
    for task, version, revision, cells in rows:
        scores: dict[str, list[dict[str, object]]] = {}
        for cell in cells:
            entry = {"hf_subset": cell["subset"], "main_score": cell["score"], "languages": ["eng-Latn"]}
            scores.setdefault(cell["split"], []).append(entry)
        content = {"task_name": task, "mteb_version": version, "dataset_revision": revision, "scores": scores}
        (place / f"{task}.json").write_text(json.dumps(content), "utf-8")
