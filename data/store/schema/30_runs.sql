-- Runs of this machine: reproductions of MTEB tasks, with everything needed to tell why two runs differ.

CREATE TABLE runs (
    run_id      VARCHAR PRIMARY KEY,        -- date and a short hash of the settings
    kind        VARCHAR NOT NULL,           -- reproduce | parity | preflight | diagnose
    model       VARCHAR NOT NULL,           -- or the name of the reference encoder
    revision    VARCHAR,
    private     BOOLEAN NOT NULL,
    command     VARCHAR NOT NULL,           -- what to type to do it again
    settings    JSON NOT NULL,              -- loader, dtype, prompts, pooling, lengths, trust...: as asked and as in use
    environment JSON NOT NULL,              -- library versions, hardware, threads, seeds
    files       JSON NOT NULL,              -- [{path, size, sha256}] of the model
    warnings    JSON NOT NULL,              -- every warning printed while loading
    started_at  TIMESTAMP NOT NULL,         -- UTC
    finished_at TIMESTAMP,                  -- NULL while it runs, or when it was killed
    status      VARCHAR NOT NULL            -- running | done | stopped | failed
);

CREATE TABLE run_tasks (
    run_id      VARCHAR NOT NULL,
    task        VARCHAR NOT NULL,
    status      VARCHAR NOT NULL,           -- done | failed | waiting
    result_id   INTEGER,                    -- its row in results, once done
    error       VARCHAR,
    warnings    JSON,
    dataset_path VARCHAR,                   -- the local folder that stood in for the hub, if one did
    batch_size  INTEGER,                    -- after any halving
    texts       BIGINT,
    seconds     DOUBLE,
    peak_memory_mb DOUBLE,
    finished_at TIMESTAMP
);

-- How far honest reruns of one model differ, by task type and by task. `floor` is what a verdict uses; data/README.md
-- states the rule that made it.
CREATE TABLE noise_floors (
    scope  VARCHAR NOT NULL,                -- task | type | all
    name   VARCHAR NOT NULL,
    n      INTEGER NOT NULL,                -- rerun pairs it rests on
    median DOUBLE, p90 DOUBLE, p95 DOUBLE,
    floor  DOUBLE NOT NULL
);
