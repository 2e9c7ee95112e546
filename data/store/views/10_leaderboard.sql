-- Ranks and means of a benchmark, by mteb's rules, among the models and tasks asked for.
--
--   in_benchmark   name, or NULL for all
--   only_models    list, or NULL for all
--   only_tasks     list, or NULL for all
--   strict         true leaves out model cards' own figures, other dataset revisions and other model revisions
--
-- What strict leaves out is no loss: then only models with every task that counts are ranked, among themselves; the
-- others have a row without a rank. Name the tasks that enough models share (data/rules/overlap.py), or few are ranked.
-- Borda: on each task a model earns (models in the pool - its average rank among those with a score), nothing where it
-- has none; ranks count points, ties share the best. It uses every score, complete or not, as mteb's does.
-- Means are NULL unless every task that anybody has a score for is there, with all its cells.
-- A private model gets the points and the rank it would have among the published ones, and moves none of theirs.
CREATE MACRO board_cells(in_benchmark, only_models, only_tasks, strict) AS TABLE
SELECT b.*, t.type, coalesce(t.is_public, true) AS is_public
FROM board b
JOIN benchmarks k USING (benchmark)
JOIN tasks t USING (task)
WHERE (in_benchmark IS NULL OR b.benchmark = in_benchmark)
    AND (only_models IS NULL OR list_contains(only_models, b.model))
    AND (only_tasks IS NULL OR list_contains(only_tasks, b.task))
    AND NOT (strict AND (b.reported OR b.other_dataset OR b.other_revision))
    AND (NOT k.public_only OR coalesce(t.is_public, true));

-- Of what strict has left, the models without all of its tasks; nobody where nothing is left out. They are not ranked.
CREATE MACRO uncompared_models(in_benchmark, only_models, only_tasks, strict) AS TABLE
WITH cells AS (FROM board_cells(in_benchmark, only_models, only_tasks, strict) WHERE strict),
wanted AS (SELECT benchmark, count(DISTINCT task) AS tasks FROM cells WHERE score IS NOT NULL GROUP BY benchmark)
SELECT c.benchmark, c.model FROM cells c LEFT JOIN wanted w USING (benchmark)
GROUP BY c.benchmark, c.model HAVING count(c.score) IS DISTINCT FROM any_value(w.tasks);

-- What Borda counts over: tasks, or subsets where the benchmark weighs those equally.
CREATE MACRO contests(in_benchmark, only_models, only_tasks, strict) AS TABLE
SELECT c.benchmark, c.model, c.task AS contest, c.any_score, c.ranked
FROM board_cells(in_benchmark, only_models, only_tasks, strict) c
ANTI JOIN uncompared_models(in_benchmark, only_models, only_tasks, strict) r ON r.benchmark = c.benchmark AND r.model = c.model
JOIN benchmarks k USING (benchmark) WHERE NOT k.show_mean_subset AND c.any_score IS NOT NULL
UNION ALL
SELECT s.benchmark, s.model, s.task || '::' || s.subset, s.any_score, s.ranked
FROM board_subsets s
JOIN board_cells(in_benchmark, only_models, only_tasks, strict) c USING (benchmark, model, task)
ANTI JOIN uncompared_models(in_benchmark, only_models, only_tasks, strict) r
    ON r.benchmark = s.benchmark AND r.model = s.model;

CREATE MACRO borda_points(in_benchmark, only_models, only_tasks, strict) AS TABLE
WITH pool AS (
    SELECT c.benchmark, count(DISTINCT c.model) AS models
    FROM board_cells(in_benchmark, only_models, only_tasks, strict) c
    ANTI JOIN uncompared_models(in_benchmark, only_models, only_tasks, strict) r
        ON r.benchmark = c.benchmark AND r.model = c.model
    WHERE c.ranked AND c.score IS NOT NULL
    GROUP BY c.benchmark
),
entries AS (FROM contests(in_benchmark, only_models, only_tasks, strict)),
-- Among the published: average rank = those above + (1 + those level) / 2. A private model stands among them alone,
-- so its own presence is added to both sides.
levels AS (
    SELECT benchmark, contest, any_score, count(*) FILTER (ranked) AS level FROM entries GROUP BY ALL
),
places AS (
    SELECT *, coalesce(sum(level) OVER (PARTITION BY benchmark, contest ORDER BY any_score DESC
                                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS above
    FROM levels
),
placed AS (SELECT e.*, p.above, p.level FROM entries e JOIN places p USING (benchmark, contest, any_score))
SELECT benchmark, model, any_value(p.ranked) AS ranked,
    sum(CASE WHEN p.ranked THEN o.models - (above + (1 + level) / 2) ELSE o.models + 1 - (above + 1 + level / 2) END)
        AS points
FROM placed p JOIN pool o USING (benchmark)
GROUP BY benchmark, model;

CREATE MACRO ranking(in_benchmark, only_models, only_tasks, strict) AS TABLE
WITH cells AS (FROM board_cells(in_benchmark, only_models, only_tasks, strict)),
tasks_scored AS (
    SELECT benchmark, count(DISTINCT task) AS scored,
        count(DISTINCT task) FILTER (is_public) AS public, count(DISTINCT task) FILTER (NOT is_public) AS private
    FROM cells WHERE ranked OR NOT EXISTS (SELECT 1 FROM cells r WHERE r.benchmark = cells.benchmark AND r.ranked)
    GROUP BY benchmark
),
types_scored AS (SELECT benchmark, type, count(DISTINCT task) AS scored FROM cells GROUP BY ALL),
asked AS (
    SELECT benchmark, count(*) AS total FROM benchmark_tasks
    WHERE (in_benchmark IS NULL OR benchmark = in_benchmark)
        AND (only_tasks IS NULL OR list_contains(only_tasks, task))
    GROUP BY benchmark
),
by_type AS (
    SELECT c.benchmark, c.model, c.type, CASE WHEN count(score) = any_value(s.scored) THEN avg(score) END AS mean
    FROM cells c JOIN types_scored s ON s.benchmark = c.benchmark AND s.type = c.type
    GROUP BY c.benchmark, c.model, c.type
),
type_means AS (
    SELECT b.benchmark, b.model,
        CASE WHEN count(b.mean) = (SELECT count(*) FROM types_scored s WHERE s.benchmark = b.benchmark)
        THEN avg(b.mean) END AS mean_task_type
    FROM by_type b GROUP BY b.benchmark, b.model
),
subset_means AS (
    SELECT s.benchmark, s.model, CASE WHEN count(*) = count(s.score) THEN avg(s.score) END AS mean_subset
    FROM board_subsets s JOIN cells c USING (benchmark, model, task)
    GROUP BY s.benchmark, s.model
),
means AS (
    SELECT c.benchmark, c.model, any_value(c.ranked) AS ranked, bool_or(c.old_name) AS old_name,
        count(c.score) AS tasks_present,
        CASE WHEN count(c.score) = any_value(s.scored) THEN avg(c.score) END AS mean_task,
        CASE WHEN any_value(s.public) > 0 AND count(c.score) FILTER (c.is_public) = any_value(s.public)
            THEN avg(c.score) FILTER (c.is_public) END AS mean_public,
        CASE WHEN any_value(s.private) > 0 AND count(c.score) FILTER (NOT c.is_public) = any_value(s.private)
            THEN avg(c.score) FILTER (NOT c.is_public) END AS mean_private,
        any_value(s.scored) AS tasks_scored
    FROM cells c JOIN tasks_scored s USING (benchmark)
    GROUP BY c.benchmark, c.model
),
joined AS (
    SELECT m.*, t.mean_task_type, u.mean_subset, b.points, k.ranked_by, a.total AS tasks_total,
        -- Where the rank is of a mean, mteb's tables number only the models its registry knows by the name they were
        -- published under; another model gets the rank it would have.
        m.ranked AND coalesce(d.registered, false) AND NOT m.old_name AS numbered,
        CASE k.ranked_by WHEN 'mean_task' THEN m.mean_task WHEN 'mean_task_type' THEN t.mean_task_type END AS ranked_mean
    FROM means m
    JOIN benchmarks k USING (benchmark)
    LEFT JOIN asked a USING (benchmark)
    LEFT JOIN type_means t USING (benchmark, model)
    LEFT JOIN subset_means u USING (benchmark, model)
    LEFT JOIN borda_points(in_benchmark, only_models, only_tasks, strict) b USING (benchmark, model)
    LEFT JOIN models d USING (model)
),
ranks AS (
    SELECT *,
        1 + count(*) FILTER (ranked) OVER (PARTITION BY benchmark ORDER BY points DESC NULLS LAST
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS borda_rank,
        CASE WHEN ranked_mean IS NOT NULL THEN 1 + count(*) FILTER (numbered) OVER (
            PARTITION BY benchmark ORDER BY ranked_mean DESC NULLS LAST
            RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP) END AS mean_rank
    FROM joined
)
SELECT benchmark, model, ranked,
    CASE WHEN ranked_by <> 'borda' THEN mean_rank WHEN NOT strict OR points IS NOT NULL THEN borda_rank END AS rank,
    CASE WHEN NOT strict OR points IS NOT NULL THEN borda_rank END AS borda_rank, points AS borda_points,
    mean_task, mean_task_type, mean_public, mean_private, mean_subset, tasks_present, tasks_scored, tasks_total
FROM ranks
-- Models with nothing but incomplete tasks keep the ranks they take from others, as in mteb, but have no row.
WHERE tasks_present > 0;

-- Mean of each task type, NULL unless all its tasks are there: one row a model and type.
CREATE MACRO type_means(in_benchmark, only_models, only_tasks, strict) AS TABLE
WITH cells AS (FROM board_cells(in_benchmark, only_models, only_tasks, strict)),
scored AS (SELECT benchmark, type, count(DISTINCT task) AS tasks FROM cells GROUP BY ALL)
SELECT c.benchmark, c.model, c.type, count(c.score) AS tasks_present, any_value(s.tasks) AS tasks_scored,
    CASE WHEN count(c.score) = any_value(s.tasks) THEN avg(c.score) END AS mean
FROM cells c JOIN scored s ON s.benchmark = c.benchmark AND s.type = c.type
GROUP BY c.benchmark, c.model, c.type;

-- Of a list of tasks, how many each model was trained on (mteb counts a task as seen when it, or one it holds to be
-- similar, is among the model's training sets), and its zero-shot percentage, cut to a whole number as mteb does. NULL
-- where nobody said what the model was trained on.
CREATE MACRO trained_on(of_tasks) AS TABLE
WITH wanted AS (SELECT DISTINCT unnest(of_tasks) AS task),
seen AS (SELECT t.model, count(DISTINCT t.task) AS tasks FROM model_training t SEMI JOIN wanted USING (task) GROUP BY t.model)
SELECT m.model, len(of_tasks) AS tasks, CASE WHEN m.training_known THEN coalesce(s.tasks, 0) END AS trained_on,
    CASE WHEN m.training_known AND len(of_tasks) > 0
        THEN floor((100 - 100.0 * coalesce(s.tasks, 0) / len(of_tasks))::DECIMAL(9, 6))::DOUBLE END AS zero_shot
FROM models m LEFT JOIN seen s USING (model);

-- A benchmark's own columns: one row a model, dimension and label.
CREATE VIEW group_means AS
SELECT benchmark, model, dimension, label, any_value(position) AS position,
    CASE WHEN count(*) = count(score) THEN avg(score) END AS mean
FROM board_groups GROUP BY benchmark, model, dimension, label;

-- The contract for others (data/README.md): mteb's default table of every benchmark.
CREATE VIEW leaderboard AS
SELECT benchmark, model, rank, mean_task, mean_task_type, tasks_present, tasks_total
FROM ranking(NULL, NULL, NULL, false);
