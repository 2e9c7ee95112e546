-- Last part: the benchmarks of `other_groups`, a benchmark's own columns.

DELETE FROM board_groups WHERE benchmark IN (FROM other_groups);

-- An entry is a data point: a whole task's score, or the mean of the cells it names. Entries nobody has a score for
-- are left out of the column; an entry this model lacks makes its mean of the group NULL.
INSERT INTO board_groups
WITH entries AS (
    SELECT DISTINCT g.benchmark, g.dimension, g.label, g.position, g.entry, g.task, g.split IS NULL AS whole
    FROM benchmark_groups g SEMI JOIN other_groups USING (benchmark)
),
scoped AS (
    SELECT b.benchmark, b.dimension, b.label, b.entry, c.model, avg(s.main_score) AS score,
        count(DISTINCT hash(s.split, s.subset)) AS cells
    FROM benchmark_groups b
    SEMI JOIN other_groups USING (benchmark)
    JOIN benchmark_grids g USING (benchmark, task)
    SEMI JOIN grids a ON a.grid = g.grid AND a.split = b.split AND a.subset = b.subset
    JOIN chosen c ON c.task = b.task AND c.experiment = ''
    JOIN scores s ON s.result_id = c.result_id AND s.split = b.split AND s.subset = b.subset
    WHERE s.main_score IS NOT NULL AND NOT isnan(s.main_score)
    GROUP BY ALL
),
wanted AS (SELECT benchmark, dimension, label, entry, max(cells) AS cells FROM scoped GROUP BY ALL),
pool AS (SELECT DISTINCT benchmark, model FROM board SEMI JOIN other_groups USING (benchmark)),
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
