"""Make the bundled parity sample again: ``python -m tests.maintain sample`` writes ``data/record/parity-*.parquet``.

All of it is all-MiniLM-L6-v2 on the bundled probes: through other back ends, in other precisions, and with one fault at
a time; each candidate is then diagnosed. Takes a quarter of an hour. With ``--diagnose`` the check stays as it is and
is only diagnosed again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
from scipy.stats import ortho_group

from data.store.database import writing
from evaluators.encoders.registry import open_encoder
from evaluators.encoders.spec import parse_spec
from evaluators.official import sample
from evaluators.parity.keep import keep_check
from evaluators.parity.plan import make_plan
from evaluators.parity.run import check
from evaluators.parity.vectors import encode_probes
from evaluators.probes import load_probes
from tests.small_models import export_onnx, minilm

ROOT = Path(__file__).parents[2]
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
FOLDER = "all-MiniLM-L6-v2"  # where it lies while the sample is made

PLAN = f"""
[reference]
label = "sentence-transformers fp32"
backend = "sentence-transformers"
source = "{FOLDER}"
model = "{MODEL}"
"""
CANDIDATES = {
    "transformers by hand": 'backend = "transformers"',
    "ONNX Runtime fp32": 'backend = "onnx"\nfile = "model.onnx"',
    "ONNX Runtime int8": 'backend = "onnx"\nfile = "int8.onnx"\ndtype = "int8"',
    "OpenVINO, its own precision": 'backend = "openvino"\nfile = "model.onnx"\ndtype = "auto"',
    "bf16": 'backend = "sentence-transformers"\ndtype = "bf16"',
    "torch int8": 'backend = "sentence-transformers"\ndtype = "int8"',
    "not normalised": 'backend = "sentence-transformers"\nnormalise = false',
    "CLS pooling": 'backend = "sentence-transformers"\npooling = "cls"',
    "32 tokens": 'backend = "sentence-transformers"\nmax_length = 32',
    'prompt "query: "': 'backend = "sentence-transformers"\nprompt = "query: "',
    "texts stripped": 'backend = "sentence-transformers"\nstrip = true',
    "128 dimensions": 'backend = "sentence-transformers"\ndimensions = 128',
}

# Which rows of a table belong to the check.
_OF_CHECK = "check_id = $check"
_OF_RUNS = (
    f"run_id IN (SELECT run_id FROM checks WHERE {_OF_CHECK} UNION SELECT run_id FROM diagnoses WHERE {_OF_CHECK})"
)
_ROWS = {
    "runs": _OF_RUNS,
    "findings": _OF_RUNS,
    "encoders": f"""encoder_id IN (
        SELECT encoder_id FROM vectors WHERE {_OF_CHECK}
        UNION SELECT encoder_id FROM drift_summary WHERE {_OF_CHECK})""",
    "probes": f"text_hash IN (SELECT text_hash FROM drift WHERE {_OF_CHECK})",
    "diagnosis_causes": f"diagnosis_id IN (SELECT diagnosis_id FROM diagnoses WHERE {_OF_CHECK})",
}

# The vectors a diagnosis made are long, and made again by its command.
_COLUMNS = {"diagnoses": """* REPLACE (json_merge_patch(proof, '{"vectors": null}') AS proof)"""}


def make(*, diagnose_only: bool) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)  # so that what is recorded names the model, not a folder of this machine
        shutil.copytree(minilm(), FOLDER)
        store = Path("sample.duckdb")
        check_id = _bundled(store) if diagnose_only else _checked(store)
        _diagnosed(store, check_id)
        with duckdb.connect(str(store), read_only=True) as connection:
            write(connection, check_id, ROOT / "data" / "record")


def write(connection: duckdb.DuckDBPyConnection, check_id: str, folder: Path) -> None:
    """Write one check, and what was diagnosed of it, as ``parity-<table>.parquet`` files into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in sample.SAMPLE_TABLES:
        columns, condition = _COLUMNS.get(table, "*"), _ROWS.get(table, _OF_CHECK)
        rows = connection.sql(
            f"SELECT {columns} FROM {table} WHERE {condition} ORDER BY ALL", params={"check": check_id}
        )
        pq.write_table(
            rows.to_arrow_table(),
            folder / f"parity-{table}.parquet",
            compression="zstd",
            compression_level=19,
            use_dictionary=[],
            # The bytes of floats compress once those of one significance stand together.
            use_byte_stream_split=["vector.list.element"] if table == "vectors" else [],
        )


def _checked(store: Path) -> str:
    """A new check in the store; its id."""
    _prepare()
    plan = PLAN + "".join(
        f'\n[[candidate]]\nlabel = \'{label}\'\nsource = "{FOLDER}"\nmodel = "{MODEL}"\n{settings}\n'
        for label, settings in CANDIDATES.items()
    )
    plan += '\n[[candidate]]\nlabel = "rotated copy"\nbackend = "ready"\nsource = "rotated.npy"\n'
    Path("parity.toml").write_text(plan)
    done = check(make_plan(plan=Path("parity.toml")), lambda encoder, what: print(f"{encoder}: {what}", flush=True))
    with writing(store) as connection:
        keep_check(connection, done, "python -m evaluators parity --plan parity.toml")
    for examined in done.candidates:
        for found in examined.comparisons:
            print(f"{examined.settings.display}: {found.verdict.verdict}. {found.verdict.sentence}")
    return done.check_id


def _bundled(store: Path) -> str:
    """The check of the bundle in the store, without what was diagnosed of it; its id."""
    with writing(store) as connection:
        sample.load_sample(connection, ROOT / "data" / "record")
        for table in ("diagnoses", "diagnosis_causes"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("DELETE FROM runs WHERE kind = 'diagnose'")
        ((check_id,),) = connection.execute("SELECT check_id FROM checks").fetchall()
    return str(check_id)


def _diagnosed(store: Path, check_id: str) -> None:
    """Diagnose every candidate by the command, as anybody would."""
    command = [sys.executable, "-m", "evaluators", "diagnose", check_id, "--store", str(store)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160"}, check=True)


def _prepare() -> None:
    """The graphs, and the reference's own vectors turned in space."""
    from onnxruntime.quantization import quantize_dynamic

    export_onnx(Path(FOLDER), Path("model.onnx"))
    quantize_dynamic("model.onnx", "int8.onnx", per_channel=True)
    encoder = open_encoder(parse_spec(f"sentence-transformers:{FOLDER}"))
    dense = encode_probes(encoder, load_probes().probes).dense
    encoder.close()
    assert dense is not None
    turn = ortho_group.rvs(dense.shape[1], random_state=np.random.default_rng(1)).astype(np.float32)
    np.save("rotated.npy", dense @ turn)
