-- Last part of the leaderboard: a benchmark's own columns, of the benchmarks of `other_groups`. Of the touched models alone,
-- unless what an entry asks for, or whether it stands at all, is another now: then of everybody (`groups_anew`).

-- An entry is a data point: a whole task's score, or the mean of the cells it names.
CREATE OR REPLACE TEMP TABLE entries AS
SELECT DISTINCT g.benchmark, g.dimension, g.label, g.position, g.entry, g.task, g.split IS NULL AS whole
FROM benchmark_groups g SEMI JOIN other_groups USING (benchmark);

-- The means over named cells: of the touched models; below of the others, where everybody's are asked for.
CREATE OR REPLACE TEMP TABLE results_asked AS
SELECT model, task, result_id FROM chosen
WHERE experiment = '' AND model IN (FROM touched) AND task IN (SELECT task FROM entries WHERE NOT whole);

CREATE OR REPLACE TEMP VIEW scoped_asked AS
SELECT b.benchmark, b.dimension, b.label, b.entry, c.model, avg(s.main_score) AS score,
    count(DISTINCT hash(s.split, s.subset)) AS cells
FROM results_asked c
JOIN scores s USING (result_id)
JOIN benchmark_groups b ON b.task = c.task AND b.split = s.split AND b.subset = s.subset
SEMI JOIN other_groups ON other_groups.benchmark = b.benchmark
JOIN benchmark_grids g ON g.benchmark = b.benchmark AND g.task = b.task
SEMI JOIN grids a ON a.grid = g.grid AND a.split = b.split AND a.subset = b.subset
WHERE s.main_score IS NOT NULL AND NOT isnan(s.main_score)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE scoped AS FROM scoped_asked;

CREATE OR REPLACE TEMP TABLE theirs AS SELECT DISTINCT benchmark, task FROM board WHERE model IN (FROM touched);

-- What makes a benchmark's columns new for everybody.
INSERT INTO groups_anew
-- Whether others have a task whole may be another answer now.
SELECT DISTINCT benchmark FROM entries WHERE task IN (FROM other_cells)
UNION
-- Somebody ran a task of an entry that nobody had, or has more cells of one than anybody had.
SELECT e.benchmark FROM entries e JOIN theirs b ON b.benchmark = e.benchmark AND b.task = e.task
ANTI JOIN group_entries k ON k.benchmark = e.benchmark AND k.dimension = e.dimension AND k.label = e.label AND k.entry = e.entry
WHERE e.whole
UNION
SELECT s.benchmark FROM scoped s LEFT JOIN group_entries k USING (benchmark, dimension, label, entry)
WHERE k.cells IS NULL OR s.cells > k.cells
UNION
-- Nobody has the task of an entry any more.
SELECT e.benchmark FROM entries e SEMI JOIN left_tasks USING (task)
WHERE e.whole AND e.task NOT IN (SELECT DISTINCT task FROM chosen WHERE experiment = '' AND task IN (FROM left_tasks))
UNION
-- Of the cells it names a touched model had most, and no other has as many.
SELECT k.benchmark FROM group_entries k SEMI JOIN other_groups USING (benchmark)
LEFT JOIN (SELECT benchmark, dimension, label, entry, max(cells) AS cells FROM scoped GROUP BY ALL) s
    USING (benchmark, dimension, label, entry)
WHERE k.cells IS NOT NULL AND k.cells IS DISTINCT FROM s.cells AND NOT EXISTS (
    FROM board_groups g WHERE g.benchmark = k.benchmark AND g.dimension = k.dimension AND g.label = k.label
        AND g.entry = k.entry AND g.score IS NOT NULL AND g.model NOT IN (FROM touched));

DELETE FROM results_asked;
INSERT INTO results_asked
SELECT model, task, result_id FROM chosen
WHERE experiment = '' AND model NOT IN (FROM touched)
    AND task IN (SELECT e.task FROM entries e SEMI JOIN groups_anew USING (benchmark) WHERE NOT e.whole);
INSERT INTO scoped FROM scoped_asked SEMI JOIN groups_anew USING (benchmark);

-- Entries nobody has a score for are left out of the column.
DELETE FROM group_entries WHERE benchmark IN (FROM groups_anew);
INSERT INTO group_entries
SELECT e.benchmark, e.dimension, e.label, e.position, e.entry, any_value(e.task) FILTER (e.whole), max(s.cells)
FROM entries e SEMI JOIN groups_anew USING (benchmark)
LEFT JOIN scoped s ON NOT e.whole AND s.benchmark = e.benchmark AND s.dimension = e.dimension AND s.label = e.label
    AND s.entry = e.entry
WHERE s.model IS NOT NULL
    OR e.whole AND EXISTS (SELECT 1 FROM board b WHERE b.benchmark = e.benchmark AND b.task = e.task)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE group_pool AS
SELECT DISTINCT benchmark, model FROM board SEMI JOIN other_groups USING (benchmark)
WHERE model IN (FROM touched) OR benchmark IN (FROM groups_anew);

DELETE FROM board_groups WHERE benchmark IN (FROM groups_anew) OR model IN (FROM touched);
-- An entry this model lacks makes its mean of the group NULL.
INSERT INTO board_groups
SELECT u.benchmark, p.model, u.dimension, u.label, u.position, u.entry,
    CASE WHEN u.task IS NOT NULL THEN b.score WHEN s.cells >= u.cells THEN s.score END
FROM group_entries u
JOIN group_pool p ON p.benchmark = u.benchmark
LEFT JOIN board b ON b.benchmark = u.benchmark AND b.model = p.model AND b.task = u.task
LEFT JOIN scoped s ON u.task IS NULL AND s.benchmark = u.benchmark AND s.dimension = u.dimension AND s.label = u.label
    AND s.entry = u.entry AND s.model = p.model;

DROP VIEW temp.scoped_asked;
DROP TABLE results_asked;
DROP TABLE entries;
DROP TABLE scoped;
DROP TABLE group_pool;
DROP TABLE theirs;
DROP TABLE benchmark_grids;
DROP TABLE grids;
