-- Parity checks: one reference encoder, any number of candidates, the same texts.

CREATE TABLE encoders (
    encoder_id  VARCHAR PRIMARY KEY,        -- hash of backend, model, revision, settings, versions and file hashes
    label       VARCHAR NOT NULL,           -- what pages call it
    backend     VARCHAR NOT NULL,
    outside     BOOLEAN,                    -- it was asked for its vectors outside of this process
    own_weights BOOLEAN,                    -- it ran the model's own weights in PyTorch in this process
    model       VARCHAR NOT NULL,
    revision    VARCHAR,
    settings    JSON NOT NULL,              -- every setting of EncoderSettings, as in use
    versions    JSON NOT NULL,              -- libraries that made the vectors
    files       JSON NOT NULL               -- [{path, size, sha256}]
);

CREATE TABLE probes (
    text_hash   VARCHAR PRIMARY KEY,        -- SHA-256 of the UTF-8 text
    probe       VARCHAR NOT NULL,           -- short name
    text        VARCHAR,                    -- NULL when the user asked not to keep it
    role        VARCHAR,                    -- query | document | NULL
    traits      VARCHAR[] NOT NULL,
    why         VARCHAR,
    core        BOOLEAN NOT NULL,
    characters  INTEGER NOT NULL
);

CREATE TABLE checks (
    check_id    VARCHAR PRIMARY KEY,
    run_id      VARCHAR NOT NULL,
    reference   VARCHAR NOT NULL,           -- encoder_id
    probe_set   VARCHAR NOT NULL,
    n_texts     INTEGER NOT NULL,
    started_at  TIMESTAMP NOT NULL
);

-- What was asked of each encoder before any comparison: loads agree, deterministic, batch, order, distinct,
-- shape, finite, norms.
CREATE TABLE protocol (
    check_id VARCHAR NOT NULL, encoder_id VARCHAR NOT NULL, test VARCHAR NOT NULL,
    outcome VARCHAR NOT NULL,               -- pass | fail | skipped
    value DOUBLE, detail VARCHAR NOT NULL,
    outputs VARCHAR[],                      -- dense | sparse | multi: those it is about; of a failure, those that failed
    code VARCHAR, observed JSON             -- of what repeated asking showed the first code, and all: [{code, numbers}]
);

CREATE TABLE vectors (
    check_id VARCHAR NOT NULL, encoder_id VARCHAR NOT NULL, text_hash VARCHAR NOT NULL,
    output VARCHAR NOT NULL,                -- dense | sparse | multi
    vector FLOAT[], token_ids INTEGER[], tokens VARCHAR[], payload JSON
);

-- One row a candidate, text and output.
CREATE TABLE drift (
    check_id VARCHAR NOT NULL, encoder_id VARCHAR NOT NULL, text_hash VARCHAR NOT NULL, output VARCHAR NOT NULL,
    cosine_distance DOUBLE, l2 DOUBLE, l2_normalised DOUBLE, max_difference DOUBLE, max_dimension INTEGER,
    norm_ratio DOUBLE, norm DOUBLE, neighbours_kept DOUBLE, error VARCHAR
);

-- One row a candidate and output, with its verdict.
CREATE TABLE drift_summary (
    check_id VARCHAR NOT NULL, encoder_id VARCHAR NOT NULL, output VARCHAR NOT NULL,
    verdict VARCHAR NOT NULL,               -- identical | precision only | differs on some texts | ...
    sentence VARCHAR NOT NULL, floor DOUBLE,
    mean DOUBLE, median DOUBLE, p95 DOUBLE, worst DOUBLE, neighbour_overlap DOUBLE, rank_correlation DOUBLE,
    cka DOUBLE, rotation_residual DOUBLE, effective_dimension DOUBLE, anisotropy DOUBLE, l2_amplification DOUBLE,
    texts INTEGER, texts_failed INTEGER, seconds DOUBLE, measures JSON
);
