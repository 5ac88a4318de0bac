-- name: job_figures
SELECT job_type, status, count(*) AS count, min(created_at) AS oldest FROM jobs GROUP BY ALL;

-- name: delivery_figures
SELECT kind, state, count(*) AS count, min(created_at) AS oldest FROM deliveries GROUP BY ALL;

-- name: stage_figures
SELECT stage, count(*) AS count, sum(wall_seconds) AS seconds FROM durations GROUP BY ALL;

-- name: job_tasks
-- The last ones: a discovery can have ten thousand.
SELECT stage, coalesce(step, stage) AS step, model, wall_seconds, at_utc FROM durations WHERE job_id = $job_id
ORDER BY at_utc DESC, rowid DESC LIMIT $limit;

-- name: last_day
-- How many hours ago jobs ended, and how long the recordings were that were processed.
SELECT CAST(floor(epoch(CAST($now AS TIMESTAMP) - finished_at) / 3600) AS INTEGER) AS hours_ago,
    count(*) FILTER (status = 'completed') AS completed, count(*) FILTER (status = 'failed') AS failed,
    coalesce(sum(duration) FILTER (status = 'completed' AND job_type = 'process_episode'), 0) AS media_seconds
FROM jobs LEFT JOIN episodes USING (episode_id)
WHERE finished_at > CAST($now AS TIMESTAMP) - INTERVAL 24 HOUR AND finished_at <= CAST($now AS TIMESTAMP)
GROUP BY hours_ago ORDER BY hours_ago DESC;
