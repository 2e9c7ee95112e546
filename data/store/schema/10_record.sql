-- The record: what was published, and what mteb's registry says of models, tasks and benchmarks.
-- One row of `results` is one result file: one model at one revision on one task. Its cells are in `scores`.

CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR);

CREATE TABLE imports (
    import_id      INTEGER PRIMARY KEY,
    kind           VARCHAR NOT NULL,        -- bundle | folder | download | run
    source         VARCHAR NOT NULL,        -- where it was read from
    source_commit  VARCHAR,
    source_date    TIMESTAMP,
    mteb_version   VARCHAR,                 -- of the registry the facts came from
    started_at     TIMESTAMP NOT NULL,      -- UTC
    seconds        DOUBLE,
    files_seen     INTEGER,
    files_read     INTEGER,
    files_rejected INTEGER,
    results_added  INTEGER,
    results_gone   INTEGER
);

-- Every result ever imported. A file that changed on disk gets a new row and ends the old one (gone_in), so that two
-- imports can be compared; `current_results` is what stands now.
CREATE TABLE results (
    result_id        INTEGER NOT NULL,
    model            VARCHAR NOT NULL,      -- org/name as in mteb's registry, after its renames
    filed_as         VARCHAR,               -- the model's name in the record, where the registry has replaced it
    revision         VARCHAR,               -- NULL when the file names none
    experiment       VARCHAR NOT NULL,      -- '' or the name of the variant under experiments/
    origin           VARCHAR NOT NULL,      -- official | reported | reproduced
    task             VARCHAR NOT NULL,      -- today's name of the task
    metric           VARCHAR,               -- metric the main score is, where it is not the task's own; else NULL
    mteb_version     VARCHAR,
    dataset_revision VARCHAR,
    evaluation_time  DOUBLE,                -- seconds
    date             TIMESTAMP,             -- of the evaluation, UTC
    file             VARCHAR NOT NULL,      -- path inside the source, or where the figure can be looked up
    notes            VARCHAR,               -- what the reader had to interpret, in words, '; ' between them
    withdrawn        BOOLEAN NOT NULL,      -- published once and since deleted from the record: kept to compare with
    run_id           VARCHAR,               -- the run of this machine that made it (origin reproduced)
    added_in         INTEGER NOT NULL,
    gone_in          INTEGER
);

CREATE TABLE scores (
    result_id  INTEGER NOT NULL,
    split      VARCHAR NOT NULL,
    subset     VARCHAR NOT NULL,
    languages  VARCHAR,                     -- 'eng-Latn' or 'eng-Latn,fra-Latn' (ISO 639-3, script)
    main_score DOUBLE,                      -- NULL where the file has none or NaN
    metric_set INTEGER,                     -- which metrics `metrics` holds, NULL when only the main score is known
    metrics    DOUBLE[]
);

-- The names of the values in scores.metrics; few sets serve all files.
CREATE TABLE metric_sets (metric_set INTEGER PRIMARY KEY, names VARCHAR[] NOT NULL);

-- What was on disk at the last look, so that an import with nothing new only looks. result_id NULL: rejected, or a
-- model_meta.json, which names the model of the files beside it. mtime_ns tells one version of a file from the next: of a
-- file in a zip it is the checksum, on shared storage the first 63 bits of the SHA-256 of its etag.
CREATE TABLE files (
    root VARCHAR NOT NULL, path VARCHAR NOT NULL, size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL, result_id INTEGER
);

CREATE TABLE rejected (root VARCHAR NOT NULL, path VARCHAR NOT NULL, reason VARCHAR NOT NULL, import_id INTEGER NOT NULL);

-- mteb versions in order; a version that does not parse (a range, 'unknown') is not here.
CREATE TABLE versions (mteb_version VARCHAR PRIMARY KEY, position INTEGER NOT NULL);

CREATE TABLE models (
    model             VARCHAR PRIMARY KEY,
    registered        BOOLEAN NOT NULL,     -- known to mteb's registry
    private           BOOLEAN NOT NULL,     -- only known from this machine's own runs
    revision          VARCHAR,              -- the registry's
    release_date      DATE,
    languages         VARCHAR[],            -- as the registry writes them, 'eng-Latn'
    n_parameters      BIGINT,
    n_active_parameters BIGINT,
    n_embedding_parameters BIGINT,
    memory_mb         DOUBLE,
    max_tokens        BIGINT,               -- NULL when unknown or unlimited
    dimensions        INTEGER,              -- the largest the model offers
    dimension_options INTEGER[],
    licence           VARCHAR,
    open_weights      BOOLEAN,
    framework         VARCHAR[],
    modalities        VARCHAR[],
    model_type        VARCHAR[],            -- dense, sparse, late-interaction, cross-encoder...
    similarity        VARCHAR,
    use_instructions  BOOLEAN,
    training_known    BOOLEAN NOT NULL,     -- false: nobody said what it was trained on
    reference         VARCHAR,
    adapted_from      VARCHAR,
    superseded_by     VARCHAR,
    public_training_code VARCHAR,
    public_training_data VARCHAR
);

-- Tasks a model was trained on, with what mteb counts as similar (its get_training_datasets()).
CREATE TABLE model_training (model VARCHAR NOT NULL, task VARCHAR NOT NULL);

CREATE TABLE tasks (
    task             VARCHAR PRIMARY KEY,
    registered       BOOLEAN NOT NULL,
    private          BOOLEAN NOT NULL,
    type             VARCHAR NOT NULL,      -- 'unknown' for a task no registry knows
    description      VARCHAR,
    metric           VARCHAR,               -- name of the main score
    modalities       VARCHAR[],
    category         VARCHAR,
    domains          VARCHAR[],
    subtypes         VARCHAR[],
    languages        VARCHAR[],             -- ISO 639-3 codes
    splits           VARCHAR[],
    is_public        BOOLEAN,
    is_aggregate     BOOLEAN NOT NULL,
    is_beta          BOOLEAN,
    dataset          VARCHAR,
    dataset_revision VARCHAR,
    licence          VARCHAR,
    date_from        VARCHAR,
    date_to          VARCHAR,
    prompt_query     VARCHAR,
    prompt_document  VARCHAR,
    reference        VARCHAR,
    sample_creation  VARCHAR,
    annotations      VARCHAR,
    superseded_by    VARCHAR,
    adapted_from     VARCHAR[],
    n_samples        BIGINT,                -- over its splits; NULL when nobody counted
    statistics       JSON                   -- mteb's descriptive statistics by split, lengths and counts
);

-- Old names of tasks and models and what they are called today, from mteb's registry.
CREATE TABLE renames (kind VARCHAR NOT NULL, old VARCHAR NOT NULL, new VARCHAR NOT NULL);  -- kind: task | model

-- The cells a task is scored on by default.
CREATE TABLE task_cells (task VARCHAR NOT NULL, split VARCHAR NOT NULL, subset VARCHAR NOT NULL, languages VARCHAR);

CREATE TABLE benchmarks (
    benchmark       VARCHAR PRIMARY KEY,
    display_name    VARCHAR,
    aliases         VARCHAR[],
    description     VARCHAR,
    reference       VARCHAR,
    position        INTEGER NOT NULL,       -- order on mteb's menu, then by name
    menu            VARCHAR,                -- heading it stands under on mteb's board, NULL if not shown there
    ranked_by       VARCHAR NOT NULL,       -- borda | mean_task | mean_task_type: what the rank is of
    sorted_by       VARCHAR NOT NULL,       -- rank | mean_subset ...: what the table is sorted by
    show_mean_task      BOOLEAN NOT NULL,
    show_mean_task_type BOOLEAN NOT NULL,
    show_task_types     BOOLEAN NOT NULL,
    show_public_private BOOLEAN NOT NULL,
    show_mean_subset    BOOLEAN NOT NULL,   -- then Borda counts over (task, subset)
    show_zero_shot  BOOLEAN NOT NULL,
    public_only     BOOLEAN NOT NULL,       -- the table is made of the public tasks alone (RTEB)
    superseded_by   VARCHAR[]
);

CREATE TABLE benchmark_tasks (benchmark VARCHAR NOT NULL, task VARCHAR NOT NULL, position INTEGER NOT NULL);

-- The cells of a benchmark: its own splits x subsets of each task, which may be fewer than the task's.
CREATE TABLE benchmark_cells (benchmark VARCHAR NOT NULL, task VARCHAR NOT NULL, split VARCHAR NOT NULL, subset VARCHAR NOT NULL);

-- A benchmark's own extra columns (document length, memory type...). One entry is one data point of the group's mean:
-- a whole task (split and subset NULL) or the mean of the cells that share the entry.
CREATE TABLE benchmark_groups (
    benchmark VARCHAR NOT NULL, dimension VARCHAR NOT NULL, label VARCHAR NOT NULL, position INTEGER NOT NULL,
    entry INTEGER NOT NULL, task VARCHAR NOT NULL, split VARCHAR, subset VARCHAR
);
