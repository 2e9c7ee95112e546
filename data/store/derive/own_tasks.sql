-- Own tasks are in no benchmark of mteb's; together they are one, so that they stand wherever a benchmark is asked for.
-- Run by data/store/derive before the rest, so that it follows every change of the tasks and survives a new registry.

DELETE FROM benchmark_cells WHERE benchmark = 'Own tasks';
DELETE FROM benchmark_tasks WHERE benchmark = 'Own tasks';
DELETE FROM benchmarks WHERE benchmark = 'Own tasks';

INSERT INTO benchmark_tasks
SELECT 'Own tasks', task, row_number() OVER (ORDER BY task) - 1
FROM tasks WHERE private AND task IN (SELECT task FROM current_results WHERE NOT withdrawn);

-- A task that came in a colleague's folder has no cells of its own: then it is every cell it was run on.
INSERT INTO benchmark_cells
SELECT 'Own tasks', c.task, c.split, c.subset
FROM task_cells c JOIN benchmark_tasks b ON b.benchmark = 'Own tasks' AND b.task = c.task
UNION
SELECT 'Own tasks', r.task, s.split, s.subset
FROM current_results r
JOIN scores s USING (result_id)
JOIN benchmark_tasks b ON b.benchmark = 'Own tasks' AND b.task = r.task
WHERE NOT r.withdrawn AND r.task NOT IN (SELECT task FROM task_cells);

INSERT INTO benchmarks BY NAME
SELECT 'Own tasks' AS benchmark, 'Own tasks' AS display_name, 'Tasks made of one''s own texts.' AS description,
    coalesce((SELECT max(position) + 1 FROM benchmarks), 0) AS position, 'Own tasks' AS menu,
    'borda' AS ranked_by, 'rank' AS sorted_by, true AS show_mean_task, false AS show_mean_task_type,
    true AS show_task_types, false AS show_public_private, false AS show_mean_subset, false AS show_zero_shot,
    false AS public_only
WHERE EXISTS (FROM benchmark_tasks WHERE benchmark = 'Own tasks');
