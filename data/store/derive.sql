-- From the record to what pages look up. Run by data/store/derive.py after every change, in the order written.
-- Every rule of mteb's tables that decides *which* figure counts is here; how figures become ranks and means is in
-- views/10_leaderboard.sql. Numbers refer to mteb 2.26's BenchmarkResults.join_revisions and _create_table.py.

DELETE FROM chosen;
DELETE FROM board;
DELETE FROM board_subsets;
DELETE FROM board_groups;

-- Which of several results counts, for a model on a task. mteb: the registry's revision first (+1000), then results
-- whose mteb version can be told (+100), then those with a real revision (+10), then the newest version. Where mteb
-- leaves it to the order of the directory, the latest evaluation wins here.
-- Own runs stand in only where nothing is published: for private models, and on private tasks.
INSERT INTO chosen
WITH published AS (SELECT DISTINCT model FROM current_results WHERE origin <> 'reproduced' AND NOT withdrawn)
SELECT r.model, r.task, r.experiment, r.result_id
FROM current_results r
LEFT JOIN models m ON m.model = r.model
LEFT JOIN tasks t ON t.task = r.task
LEFT JOIN versions v ON v.mteb_version = r.mteb_version
LEFT JOIN published p ON p.model = r.model
WHERE NOT r.withdrawn AND (r.origin <> 'reproduced' OR t.private OR p.model IS NULL)
QUALIFY row_number() OVER (
    PARTITION BY r.model, r.task, r.experiment
    ORDER BY
        CASE WHEN r.revision = m.revision THEN 1000 ELSE 0 END
        + CASE WHEN v.position IS NOT NULL THEN 100 ELSE 0 END
        + CASE WHEN r.revision IS NOT NULL AND r.origin <> 'reported' THEN 10 ELSE 0 END DESC,
        v.position DESC NULLS LAST, r.date DESC NULLS LAST, r.result_id DESC
) = 1;

-- Benchmarks that ask for the same cells of a task share a grid, so that its means are taken once.
CREATE OR REPLACE TEMP TABLE benchmark_grids AS
SELECT benchmark, task, dense_rank() OVER (ORDER BY task, cells) AS grid
FROM (
    SELECT benchmark, task, string_agg(split || chr(0) || subset, chr(1) ORDER BY split, subset) AS cells
    FROM benchmark_cells GROUP BY benchmark, task
);

CREATE OR REPLACE TEMP TABLE grids AS
SELECT DISTINCT g.grid, b.task, b.split, b.subset FROM benchmark_grids g JOIN benchmark_cells b USING (benchmark, task);

-- The cells each grid asks for, as far as the chosen results have them. A result that counts but lacks all of a
-- benchmark's cells leaves the model without a score there, even if an older one had them: so does mteb.
CREATE OR REPLACE TEMP TABLE cell_scores AS
SELECT g.grid, c.model, c.task, c.result_id, s.split, s.subset, s.main_score, s.rowid AS place,
    hash(s.split, s.subset) AS cell
FROM chosen c
JOIN scores s USING (result_id)
JOIN grids g ON g.task = c.task AND g.split = s.split AND g.subset = s.subset
WHERE c.experiment = '' AND s.main_score IS NOT NULL AND NOT isnan(s.main_score);

-- What "all cells" of a task means: what any model has been scored on, splits times subsets.
CREATE OR REPLACE TEMP TABLE cells_wanted AS
SELECT grid, count(DISTINCT split) AS splits, count(DISTINCT subset) * count(DISTINCT split) AS cells
FROM cell_scores GROUP BY grid;

-- Summed in the order of the file, one after the other, as mteb does: another order differs in the last bit, and with
-- it which models tie on a task. A file may name a cell twice: the mean is over its entries, the count over the cells.
-- A result without any of the cells keeps a row without a score: somebody ran the task.
CREATE OR REPLACE TEMP TABLE grid_means AS
WITH means AS (
    SELECT grid, result_id, list_sum(list(main_score ORDER BY place)) / count(*) AS any_score,
        count(DISTINCT cell) AS cells_present
    FROM cell_scores GROUP BY grid, result_id
)
SELECT g.grid, c.model, c.task, c.result_id, m.any_score, coalesce(m.cells_present, 0) AS cells_present
FROM chosen c
JOIN (SELECT DISTINCT task, grid FROM grids) g USING (task)
LEFT JOIN means m ON m.grid = g.grid AND m.result_id = c.result_id
WHERE c.experiment = '';

-- A pool of private tasks is ranked among all; elsewhere own runs of private models never move a published rank.
CREATE OR REPLACE TEMP TABLE pools AS
SELECT g.benchmark, m.model, bool_or(r.origin <> 'reproduced') OR bool_and(t.private) AS ranked
FROM grid_means m
JOIN benchmark_grids g USING (grid)
JOIN current_results r USING (result_id)
JOIN tasks t ON t.task = m.task
GROUP BY g.benchmark, m.model;

INSERT INTO board
-- The revision most of a model's results in a benchmark are of; of equally many the registry's, then the last by name.
WITH revisions AS (
    SELECT g.benchmark, m.model, coalesce(r.revision, '') AS revision, count(*) AS results
    FROM grid_means m JOIN benchmark_grids g USING (grid) JOIN current_results r USING (result_id)
    GROUP BY ALL
),
usual AS (
    SELECT v.benchmark, v.model,
        arg_max(v.revision, (v.results, v.revision IS NOT DISTINCT FROM d.revision, v.revision)) AS usual_revision
    FROM revisions v LEFT JOIN models d ON d.model = v.model GROUP BY v.benchmark, v.model
),
flagged AS (
    SELECT g.benchmark, m.*, coalesce(w.cells, 0) AS cells_total, r.revision,
        r.filed_as IS NOT NULL AS old_name, r.origin = 'reported' AS reported,
        NOT coalesce(same_dataset(r.dataset_revision, t.dataset_revision), false) AS other_dataset,
        u.usual_revision
    FROM grid_means m
    JOIN benchmark_grids g USING (grid)
    LEFT JOIN cells_wanted w USING (grid)
    JOIN current_results r USING (result_id)
    JOIN tasks t ON t.task = m.task
    JOIN usual u ON u.benchmark = g.benchmark AND u.model = m.model
)
SELECT benchmark, model, task, result_id, any_score,
    CASE WHEN cells_present >= cells_total THEN any_score END,
    cells_present, cells_total, reported, other_dataset, coalesce(revision, '') <> usual_revision, p.ranked,
    old_name
FROM flagged JOIN pools p USING (benchmark, model);

INSERT INTO board_subsets
SELECT b.benchmark, c.model, c.task, c.subset, avg(c.main_score),
    CASE WHEN count(DISTINCT c.split) >= any_value(w.splits) THEN avg(c.main_score) END, any_value(p.ranked)
FROM benchmarks b
JOIN benchmark_grids g USING (benchmark)
JOIN cell_scores c USING (grid)
JOIN cells_wanted w USING (grid)
JOIN pools p ON p.benchmark = b.benchmark AND p.model = c.model
WHERE b.show_mean_subset
GROUP BY b.benchmark, c.model, c.task, c.subset;

-- An entry is a data point: a whole task's score, or the mean of the cells it names. Entries nobody has a score for
-- are left out of the column; an entry this model lacks makes its mean of the group NULL.
INSERT INTO board_groups
WITH entries AS (
    SELECT DISTINCT g.benchmark, g.dimension, g.label, g.position, g.entry, g.task, g.split IS NULL AS whole
    FROM benchmark_groups g
),
scoped AS (
    SELECT b.benchmark, b.dimension, b.label, b.entry, c.model, avg(c.main_score) AS score,
        count(DISTINCT c.cell) AS cells
    FROM benchmark_groups b
    JOIN benchmark_grids g USING (benchmark, task)
    JOIN cell_scores c ON c.grid = g.grid AND c.split = b.split AND c.subset = b.subset
    GROUP BY ALL
),
wanted AS (SELECT benchmark, dimension, label, entry, max(cells) AS cells FROM scoped GROUP BY ALL),
pool AS (SELECT DISTINCT benchmark, model FROM board),
used AS (
    SELECT e.* FROM entries e
    WHERE CASE WHEN e.whole
        THEN EXISTS (SELECT 1 FROM board b WHERE b.benchmark = e.benchmark AND b.task = e.task)
        ELSE EXISTS (SELECT 1 FROM wanted w WHERE w.benchmark = e.benchmark AND w.dimension = e.dimension
                     AND w.label = e.label AND w.entry = e.entry) END
)
SELECT u.benchmark, p.model, u.dimension, u.label, u.position, u.entry,
    CASE WHEN u.whole THEN b.score WHEN s.cells >= w.cells THEN s.score END
FROM used u
JOIN pool p ON p.benchmark = u.benchmark
LEFT JOIN board b ON u.whole AND b.benchmark = u.benchmark AND b.model = p.model AND b.task = u.task
LEFT JOIN scoped s ON NOT u.whole AND s.benchmark = u.benchmark AND s.dimension = u.dimension AND s.label = u.label
    AND s.entry = u.entry AND s.model = p.model
LEFT JOIN wanted w ON NOT u.whole AND w.benchmark = u.benchmark AND w.dimension = u.dimension AND w.label = u.label
    AND w.entry = u.entry;

DROP TABLE benchmark_grids;
DROP TABLE grids;
DROP TABLE cell_scores;
DROP TABLE cells_wanted;
DROP TABLE grid_means;
DROP TABLE pools;
