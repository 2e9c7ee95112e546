"""Questions of the drift page that need the vectors themselves; what comes back is small, the vectors stay here."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboard.diff import aligned
from dashboard.queries.rows import Cursor, first_column
from data.rules.vectors import matrices
from data.rules.vectors.arrays import Vectors, sampled
from data.store.vocabulary import Output

__all__ = ["encoder_distances", "dimension_blocks", "dimensions", "neighbours", "payloads", "spread", "tokens"]


def encoder_distances(cursor: Cursor, check: str, output: str, measure: str) -> pd.DataFrame:
    """How far every encoder of a check is from every other, by id; see :func:`matrices.distances_between`."""
    ids = _encoders_with_vectors(cursor, check, output)
    hashes = _hashes(cursor, check)
    if measure != "cosine_distance":  # the others relate the texts to each other
        hashes = _sample(hashes)
    values = matrices.distances_between([_vectors(cursor, check, output, each, hashes) for each in ids], measure)
    return pd.DataFrame(values.astype("float32"), index=ids, columns=ids)


def dimension_blocks(cursor: Cursor, check: str, output: str, encoder: str, against: str) -> pd.DataFrame:
    """Signed difference of every text (down, by hash) and block of dimensions (across, as ``0-15``), in float32.

    Empty when the two have no vectors.
    """
    hashes = _hashes(cursor, check)
    ours = _vectors(cursor, check, output, against, hashes)
    theirs = _vectors(cursor, check, output, encoder, hashes)
    if not min(ours.shape[1], theirs.shape[1]):
        return pd.DataFrame(index=hashes)
    values, edges = matrices.differences_by_block(ours, theirs)
    names = [f"{start}-{end}" if end > start else str(start) for start, end in edges]
    return pd.DataFrame(values.astype("float32"), index=hashes, columns=names)


def dimensions(cursor: Cursor, check: str, output: str, encoder: str, against: str, text: str) -> pd.DataFrame:
    """Both vectors of one text, a row a dimension; blank beyond the shorter one. Empty when a side has none."""
    ours, theirs = (pd.Series(_vectors(cursor, check, output, each, [text])[0]) for each in (against, encoder))
    if ours.empty or theirs.empty:
        return pd.DataFrame(columns=["dimension", "reference", "candidate", "difference"])
    frame = pd.DataFrame({"reference": ours, "candidate": theirs}).rename_axis("dimension").reset_index()
    return frame.assign(difference=frame["candidate"] - frame["reference"])


def neighbours(
    cursor: Cursor, check: str, output: str, encoder: str, against: str, text: str, k: int = 10
) -> pd.DataFrame:
    """The texts among the k nearest of one text on either side: ``change`` (kept, lost, gained) and both cosines."""
    hashes = _hashes(cursor, check)
    at = hashes.index(text)
    sides = [_vectors(cursor, check, output, each, hashes) for each in (against, encoder)]
    columns = ["text_hash", "change", "reference", "candidate", "reference_rank", "candidate_rank"]
    if any(not side.shape[1] or np.isnan(side[at]).any() for side in sides):
        return pd.DataFrame(columns=columns)
    (ours, our_cosines), (theirs, their_cosines) = (matrices.nearest_to(side, at, k) for side in sides)
    our_rank, their_rank = ({int(i): rank for rank, i in enumerate(nearest, 1)} for nearest in (ours, theirs))
    rows = [
        (
            hashes[i], "kept" if i in our_rank and i in their_rank else "lost" if i in our_rank else "gained",
            our_cosines[i], their_cosines[i], our_rank.get(i), their_rank.get(i),
        )
        for i in dict.fromkeys([*our_rank, *their_rank])
    ]  # fmt: skip
    order = pd.CategoricalDtype(["lost", "gained", "kept"], ordered=True)
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("change", key=lambda column: column.astype(order), kind="stable", ignore_index=True)


def spread(cursor: Cursor, check: str, output: str) -> pd.DataFrame:
    """Quantiles of three things an encoder: drift, norms, and the cosines between its own texts.

    Columns ``encoder_id``, ``of`` (``drift``, ``norm``, ``cosine``), ``low`` and ``high`` (5% and 95%), ``q1``,
    ``median``, ``q3``, ``least`` and ``most``.
    """
    drift = cursor.execute(
        "SELECT encoder_id, cosine_distance FROM drift WHERE check_id = ? AND output = ?"
        " AND cosine_distance IS NOT NULL", [check, output]
    ).df()  # fmt: skip
    values = [(str(name), "drift", each.to_numpy()) for name, each in drift.groupby("encoder_id")["cosine_distance"]]
    hashes = _hashes(cursor, check)
    for encoder in _encoders_with_vectors(cursor, check, output):
        vectors = _vectors(cursor, check, output, encoder, hashes)
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1)
        values += [
            (encoder, "norm", norms[np.isfinite(norms)]),
            (encoder, "cosine", matrices.pairwise_cosines(vectors[sampled(hashes)])),
        ]
    return pd.DataFrame([_quantiles(*each) for each in values if len(each[2])])


def tokens(cursor: Cursor, check: str, output: str, encoder: str, against: str, text: str) -> pd.DataFrame | None:
    """Both token sequences of one text in step, with what differs marked; None when a side does not tell its tokens."""
    sides = []
    for each in (against, encoder):
        row = cursor.execute(
            "SELECT tokens FROM vectors WHERE check_id = ? AND encoder_id = ? AND text_hash = ? AND tokens IS NOT NULL"
            " ORDER BY output = ? DESC LIMIT 1",
            [check, each, text, output],
        ).fetchone()
        if row is None:
            return None
        sides.append([str(token) for token in row[0]])
    columns = ["reference_position", "reference", "candidate_position", "candidate", "differs"]
    return pd.DataFrame(aligned(*sides), columns=columns)


def payloads(cursor: Cursor, check: str, output: str, encoder: str, against: str, text: str) -> tuple[Any, Any]:
    """What the two gave for one text where it is no plain vector (token weights, several vectors); None without."""
    decoded = []
    for each in (against, encoder):
        row = cursor.execute(
            "SELECT payload FROM vectors WHERE check_id = ? AND output = ? AND encoder_id = ? AND text_hash = ?",
            [check, output, each, text],
        ).fetchone()
        decoded.append(json.loads(row[0]) if row and row[0] is not None else None)
    return decoded[0], decoded[1]


def _hashes(cursor: Cursor, check: str) -> list[str]:
    return first_column(cursor, "FROM texts_of(?) ORDER BY text_hash", [check])


def _sample(hashes: list[str]) -> list[str]:
    return [hashes[place] for place in sampled(hashes)]


def _encoders_with_vectors(cursor: Cursor, check: str, output: str) -> list[str]:
    if output != Output.DENSE:  # token weights and several vectors a text have no axes in common
        return []
    query = "SELECT encoder_id FROM vectors JOIN encoders USING (encoder_id) WHERE check_id = ? AND output = ?"
    query += " AND vector IS NOT NULL GROUP BY encoder_id, label ORDER BY label, encoder_id"
    return first_column(cursor, query, [check, output])


def _vectors(cursor: Cursor, check: str, output: str, encoder: str, hashes: list[str]) -> Vectors:
    """Vectors of one encoder in the order of ``hashes``, [n, d]; NaN for a text without one, d is 0 without any."""
    if output != Output.DENSE:
        return np.empty((len(hashes), 0), dtype=np.float32)
    table = cursor.sql(
        "SELECT text_hash, vector FROM vectors WHERE check_id = ? AND output = ? AND encoder_id = ?"
        " AND vector IS NOT NULL AND list_contains(?, text_hash)",
        params=[check, output, encoder, hashes],
    ).to_arrow_table()
    if not table.num_rows:
        return np.empty((len(hashes), 0), dtype=np.float32)
    flat = table.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    rows = flat.reshape(table.num_rows, -1)
    place = {text_hash: i for i, text_hash in enumerate(hashes)}
    result = np.full((len(hashes), rows.shape[1]), np.nan, dtype=np.float32)
    result[[place[text_hash] for text_hash in table.column("text_hash").to_pylist()]] = rows
    return result


def _quantiles(encoder: str, of: str, values: NDArray[Any]) -> dict[str, Any]:
    names = ["least", "low", "q1", "median", "q3", "high", "most"]
    ends = np.quantile(values, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])
    return {"encoder_id": encoder, "of": of, **dict(zip(names, ends, strict=True))}
