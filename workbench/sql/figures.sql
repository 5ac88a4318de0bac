-- name: job_figures
SELECT job_type, status, count(*) AS count, min(created_at) AS oldest FROM jobs GROUP BY ALL;

-- name: delivery_figures
SELECT kind, state, count(*) AS count, min(created_at) AS oldest FROM deliveries GROUP BY ALL;

-- name: stage_figures
SELECT stage, count(*) AS count, sum(wall_seconds) AS seconds FROM durations GROUP BY ALL;
