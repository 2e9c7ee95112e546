-- Made from the record at each publication by data/store/derive, so that pages only look up.

-- The result that counts for a model on a task, by mteb's rule for several revisions.
CREATE TABLE chosen (model VARCHAR NOT NULL, task VARCHAR NOT NULL, experiment VARCHAR NOT NULL, result_id INTEGER NOT NULL);

-- One row a benchmark, model and task that was run: what the leaderboard is made of. A result with none of the
-- benchmark's cells has a row without a score.
CREATE TABLE board (
    benchmark     VARCHAR NOT NULL,
    model         VARCHAR NOT NULL,
    task          VARCHAR NOT NULL,
    result_id     INTEGER NOT NULL,
    any_score     DOUBLE,                   -- mean over the cells present: what Borda ranks
    score         DOUBLE,                   -- the same, NULL when a cell that others have is missing: what means use
    cells_present INTEGER NOT NULL,
    cells_total   INTEGER NOT NULL,         -- cells of the task that any model has a score for
    reported      BOOLEAN NOT NULL,         -- a model card's own figure
    other_dataset BOOLEAN NOT NULL,         -- on a dataset revision other than today's, or on an unknown one
    other_revision BOOLEAN NOT NULL,        -- on another revision than most of this model's results in the benchmark
    ranked        BOOLEAN NOT NULL,         -- in the pool that sets public ranks; false for private models and own runs
    old_name      BOOLEAN NOT NULL          -- published under a name the registry has replaced: mteb's tables miss the model
);

-- The same by (task, subset), for the benchmarks that weigh subsets equally.
CREATE TABLE board_subsets (
    benchmark VARCHAR NOT NULL, model VARCHAR NOT NULL, task VARCHAR NOT NULL, subset VARCHAR NOT NULL,
    any_score DOUBLE, score DOUBLE, ranked BOOLEAN NOT NULL
);

-- One data point of a benchmark's own group columns; the group's mean is over its entries, NULL if one is.
CREATE TABLE board_groups (
    benchmark VARCHAR NOT NULL, model VARCHAR NOT NULL, dimension VARCHAR NOT NULL, label VARCHAR NOT NULL,
    position INTEGER NOT NULL, entry INTEGER NOT NULL, score DOUBLE
);

-- The entries of those columns that anybody has a score for: of a whole task, or of so many cells as anybody has of it.
CREATE TABLE group_entries (
    benchmark VARCHAR NOT NULL, dimension VARCHAR NOT NULL, label VARCHAR NOT NULL, position INTEGER NOT NULL,
    entry INTEGER NOT NULL, task VARCHAR, cells INTEGER
);

-- The cells of a task that any result that counts has a score for: what "all cells" of the task means.
CREATE TABLE cells_held (task VARCHAR NOT NULL, split VARCHAR NOT NULL, subset VARCHAR NOT NULL);
