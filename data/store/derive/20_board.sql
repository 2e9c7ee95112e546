-- Second part: the leaderboard's rows of the models of `touched`, and what changes of the others' because a task of
-- `other_cells` is now scored on more cells, or fewer.

DELETE FROM board WHERE model IN (FROM touched);
DELETE FROM board_subsets WHERE model IN (FROM touched) OR task IN (FROM other_cells);

-- Benchmarks that ask for the same cells of a task share a grid, so that its means are taken once.
CREATE OR REPLACE TEMP TABLE benchmark_grids AS
SELECT benchmark, task, dense_rank() OVER (ORDER BY task, cells) AS grid
FROM (
    SELECT benchmark, task, string_agg(split || chr(0) || subset, chr(1) ORDER BY split, subset) AS cells
    FROM benchmark_cells GROUP BY benchmark, task
);

CREATE OR REPLACE TEMP TABLE grids AS
SELECT DISTINCT g.grid, b.task, b.split, b.subset FROM benchmark_grids g JOIN benchmark_cells b USING (benchmark, task);

-- What "all cells" of a task means: what any model has been scored on, splits times subsets.
CREATE OR REPLACE TEMP TABLE cells_wanted AS
SELECT grid, count(DISTINCT split) AS splits, count(DISTINCT subset) * count(DISTINCT split) AS cells
FROM cells_held JOIN grids USING (task, split, subset) GROUP BY grid;

-- Results that are looked at: of these models, and of everybody on those tasks.
CREATE OR REPLACE TEMP TABLE looked_at AS
SELECT model, task, result_id, model IN (FROM touched) AS touched FROM chosen
WHERE experiment = '' AND (model IN (FROM touched) OR task IN (FROM other_cells));

-- The cells each grid asks for, as far as the chosen results have them. A result that counts but lacks all of a
-- benchmark's cells leaves the model without a score there, even if an older one had them: so does mteb.
-- Materialized: joined in one go, every score meets every grid that has a split and subset of those names, of any task.
CREATE OR REPLACE TEMP TABLE cell_scores AS
WITH held AS MATERIALIZED (
    SELECT c.touched, c.model, c.task, c.result_id, s.split, s.subset, s.main_score, s.rowid AS place
    FROM looked_at c JOIN scores s USING (result_id)
    WHERE s.main_score IS NOT NULL AND NOT isnan(s.main_score)
)
SELECT g.grid, h.*, hash(h.split, h.subset) AS cell
FROM held h JOIN grids g ON g.task = h.task AND g.split = h.split AND g.subset = h.subset;

-- Summed in the order of the file, one after the other, as mteb does: another order differs in the last bit, and with
-- it which models tie on a task. A file may name a cell twice: the mean is over its entries, the count over the cells.
-- A result without any of the cells keeps a row without a score: somebody ran the task.
CREATE OR REPLACE TEMP TABLE grid_means AS
WITH means AS (
    SELECT grid, result_id, list_sum(list(main_score ORDER BY place)) / count(*) AS any_score,
        list_unique(list(cell)) AS cells_present -- takes half of what count(DISTINCT) does
    FROM cell_scores WHERE touched GROUP BY grid, result_id
)
SELECT g.grid, c.model, c.task, c.result_id, m.any_score, coalesce(m.cells_present, 0) AS cells_present
FROM looked_at c
JOIN (SELECT DISTINCT task, grid FROM grids) g USING (task)
LEFT JOIN means m ON m.grid = g.grid AND m.result_id = c.result_id
WHERE c.touched;

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

-- The others' rows on tasks that are now scored on other cells: their means stay, whether they are whole may not.
UPDATE board SET cells_total = w.cells, score = CASE WHEN cells_present >= w.cells THEN any_score END
FROM (SELECT g.benchmark, g.task, coalesce(w.cells, 0) AS cells FROM benchmark_grids g LEFT JOIN cells_wanted w USING (grid)
      WHERE g.task IN (FROM other_cells)) w
WHERE board.benchmark = w.benchmark AND board.task = w.task AND board.cells_total <> w.cells;

INSERT INTO board_subsets
SELECT b.benchmark, c.model, c.task, c.subset, avg(c.main_score),
    CASE WHEN count(DISTINCT c.split) >= any_value(w.splits) THEN avg(c.main_score) END, any_value(p.ranked)
FROM benchmarks b
JOIN benchmark_grids g USING (benchmark)
JOIN cell_scores c USING (grid)
JOIN cells_wanted w USING (grid)
JOIN (
    SELECT DISTINCT benchmark, model, ranked FROM board SEMI JOIN looked_at USING (model)
    WHERE benchmark IN (SELECT benchmark FROM benchmarks WHERE show_mean_subset)
) p ON p.benchmark = b.benchmark AND p.model = c.model
WHERE b.show_mean_subset
GROUP BY b.benchmark, c.model, c.task, c.subset;

-- A benchmark's own columns are told anew where any of its models or tasks is touched: a model is in them by any task.
INSERT INTO other_groups
SELECT DISTINCT benchmark FROM benchmark_grids SEMI JOIN benchmark_groups USING (benchmark)
WHERE task IN (SELECT task FROM looked_at UNION ALL FROM other_cells UNION ALL FROM left_tasks);

DROP TABLE cell_scores;
DROP TABLE cells_wanted;
DROP TABLE grid_means;
DROP TABLE pools;
DROP TABLE looked_at;
