-- How much there is of each task: counted whole, which takes a moment even where it is much.
DELETE FROM task_counts;
INSERT INTO task_counts
WITH standing AS (SELECT task, count(*) FILTER (NOT withdrawn) AS results FROM current_results GROUP BY task),
counting AS (SELECT task, count(*) AS models FROM chosen WHERE experiment = '' GROUP BY task)
SELECT task, results, coalesce(models, 0) FROM standing LEFT JOIN counting USING (task);
