-- From the record to what pages look up, first part: which results count, and which cells anybody has been scored on.
-- Run by data/store/derive/__init__.py for the models of the temporary table `touched`, in which a model is whose results,
-- or what is known of it, have changed. Every rule of mteb's tables that decides *which* figure counts is here and in
-- 20_board.sql; how figures become ranks and means is in views/10_leaderboard.sql. Numbers refer to mteb 2.26's
-- BenchmarkResults.join_revisions and _create_table.py.

-- Cells that the touched models have been scored on so far: perhaps nobody has any more.
CREATE OR REPLACE TEMP TABLE lost AS
SELECT DISTINCT c.task, s.split, s.subset FROM chosen c SEMI JOIN touched USING (model) JOIN scores s USING (result_id)
WHERE c.experiment = '';

-- The same of results whose scores are no longer there; what was read in their place may not count.
INSERT INTO lost
SELECT h.task, h.split, h.subset FROM cells_held h
WHERE h.task IN (
    SELECT c.task FROM chosen c SEMI JOIN touched USING (model) ANTI JOIN results r ON r.result_id = c.result_id
);

-- Tasks that the touched models had a result on.
CREATE OR REPLACE TEMP TABLE left_tasks AS SELECT DISTINCT task FROM chosen SEMI JOIN touched USING (model);

DELETE FROM chosen WHERE model IN (FROM touched);

-- Which of several results counts, for a model on a task. mteb: the registry's revision first (+1000), then results
-- whose mteb version can be told (+100), then those with a real revision (+10), then the newest version. Where mteb
-- leaves it to the order of the directory, the latest evaluation wins here.
-- Own runs stand in only where nothing is published: for private models, and on private tasks.
INSERT INTO chosen
WITH published AS (SELECT DISTINCT model FROM current_results SEMI JOIN touched USING (model) WHERE origin <> 'reproduced' AND NOT withdrawn)
SELECT r.model, r.task, r.experiment, r.result_id
FROM current_results r
SEMI JOIN touched ON touched.model = r.model
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

CREATE OR REPLACE TEMP TABLE gained AS
SELECT DISTINCT c.task, s.split, s.subset FROM chosen c SEMI JOIN touched USING (model) JOIN scores s USING (result_id)
WHERE c.experiment = '' AND s.main_score IS NOT NULL AND NOT isnan(s.main_score);

DELETE FROM lost WHERE (task, split, subset) IN (FROM gained);
DELETE FROM lost WHERE (task, split, subset) IN (
    SELECT (c.task, s.split, s.subset) FROM chosen c JOIN scores s USING (result_id)
    WHERE c.experiment = '' AND c.task IN (SELECT task FROM lost) AND s.main_score IS NOT NULL AND NOT isnan(s.main_score)
);

CREATE OR REPLACE TEMP TABLE other_cells AS
SELECT DISTINCT task FROM (
    SELECT task FROM cells_held SEMI JOIN lost USING (task, split, subset)
    UNION ALL SELECT task FROM gained ANTI JOIN cells_held USING (task, split, subset)
);
DELETE FROM cells_held WHERE (task, split, subset) IN (FROM lost);
INSERT INTO cells_held FROM gained ANTI JOIN cells_held USING (task, split, subset);
