-- name: add_job
INSERT INTO jobs (job_id, job_type, episode_id, status, params, dedupe_key, created_at, priority, depends_on,
    webhook_url, requested_by)
VALUES ($job_id, $job_type, $episode_id, 'queued', $params, $dedupe_key, $at, $priority, $depends_on,
    $webhook_url, $requested_by)
RETURNING *;

-- name: same_open_job
-- A request that is already being worked on is not worked on twice. Only the id: nearly always there is
-- none, and to look through one more column of a long queue takes longer.
SELECT min(job_id) AS job_id FROM jobs WHERE dedupe_key = $dedupe_key AND status IN ('queued', 'running');

-- name: start_job
UPDATE jobs SET status = 'running', started_at = coalesce(started_at, $at)
WHERE job_id = $job_id AND status IN ('queued', 'running') RETURNING *;

-- name: progress_job
-- Only an open job moves, and only forward, whatever arrives late.
UPDATE jobs SET progress = greatest(progress, $progress), current_stage = $stage, message = $message
WHERE job_id = $job_id AND status = 'running' RETURNING *;

-- name: end_job
UPDATE jobs SET status = $status, message = $message, result = $result, failure = $failure,
    current_stage = coalesce($stage, current_stage), finished_at = $at,
    progress = CASE WHEN $status = 'completed' THEN 100 ELSE greatest(progress, $progress) END
WHERE job_id = $job_id AND status IN ('queued', 'running') RETURNING *;

-- name: ask_cancel
-- Kept until the job ends, whatever ends this process before. The same request is another job from now on.
UPDATE jobs SET cancel_asked = TRUE, dedupe_key = job_id WHERE job_id = $job_id AND status IN ('queued', 'running');

-- name: asked_to_cancel
SELECT job_id FROM jobs WHERE cancel_asked AND status IN ('queued', 'running') ORDER BY job_id;

-- name: requeue_running
-- Whoever ran these is gone.
UPDATE jobs SET status = 'queued' WHERE status = 'running' RETURNING *;

-- name: job
SELECT * FROM jobs WHERE job_id = $job_id;

-- name: jobs
SELECT * FROM jobs
WHERE ($status IS NULL OR status = $status) AND ($before IS NULL OR job_id < $before)
  AND ($text IS NULL OR contains(lower(regexp_replace(concat_ws(' ', job_id, episode_id, message, failure,
    CASE job_type WHEN 'discover_episodes' THEN params END), -- its files; options would be noise
    '[^"\s]*[/\\]', ' ', 'g')), $text)) -- without folders: who searches may not know them
ORDER BY job_id DESC LIMIT $limit;

-- name: jobs_of_episode
SELECT job_id FROM jobs WHERE episode_id = $episode_id AND ($status IS NULL OR status = $status)
ORDER BY job_id DESC LIMIT $limit;

-- name: last_completed
SELECT * FROM jobs WHERE episode_id = $episode_id AND status = 'completed' ORDER BY job_id DESC LIMIT 1;

-- name: open_jobs
SELECT * FROM jobs WHERE status IN ('queued', 'running') ORDER BY created_at, job_id;

-- name: job_counts
SELECT status, count(*) AS count, min(created_at) AS oldest FROM jobs GROUP BY status;

-- name: old_jobs
-- But for the last one that an episode was made by: what is changed of it later is made in the same way.
SELECT job_id FROM jobs WHERE status IN ('completed', 'failed', 'cancelled') AND finished_at < $before
    AND job_id NOT IN (SELECT max(job_id) FROM jobs WHERE status = 'completed' AND episode_id IS NOT NULL
        GROUP BY episode_id);

-- name: remove_old_jobs
DELETE FROM jobs WHERE status IN ('completed', 'failed', 'cancelled') AND finished_at < $before
    AND job_id NOT IN (SELECT max(job_id) FROM jobs WHERE status = 'completed' AND episode_id IS NOT NULL
        GROUP BY episode_id)
RETURNING job_id;

-- name: remove_old_events
DELETE FROM events WHERE job_id NOT IN (SELECT job_id FROM jobs);

-- name: remove_old_deliveries
DELETE FROM deliveries WHERE state <> 'pending' AND ended_at < $before;

-- name: add_event
INSERT INTO events VALUES ($job_id, $at, $kind, $body);

-- name: job_events
SELECT at_utc, kind, body FROM events WHERE job_id = $job_id ORDER BY at_utc, rowid;

-- name: episode
SELECT * FROM episodes WHERE episode_id = $episode_id;

-- name: episode_by_content
SELECT * FROM episodes WHERE sha256 = $sha256;

-- name: episodes
SELECT * FROM episodes
WHERE ($before IS NULL OR created_at < $at OR (created_at = $at AND episode_id > $before))
  AND len(list_filter($needles::VARCHAR[], lambda each: NOT contains(concat(' ',
    regexp_replace(lower(strip_accents(title)), '[^\p{L}\p{M}\p{N}]+', ' ', 'g'), ' '), each))) = 0
ORDER BY created_at DESC, episode_id LIMIT $limit;

-- name: save_episode
INSERT INTO episodes VALUES ($episode_id, $sha256, $title, $stage, $duration, $recording, $artefacts, $at, $at)
ON CONFLICT (episode_id) DO UPDATE SET title = excluded.title, stage = excluded.stage,
    duration = excluded.duration, recording = excluded.recording, artefacts = excluded.artefacts,
    updated_at = greatest(excluded.updated_at, episodes.updated_at + INTERVAL 1 MICROSECOND)
RETURNING *;

-- name: add_duration
INSERT INTO durations (stage, step, model, workers, usual_seconds, wall_seconds, job_id, at_utc)
VALUES ($stage, $step, $model, $workers, $usual_seconds, $wall_seconds, $job_id, $at);

-- name: durations
-- What each step took in the last twenty jobs that had it: machines and models change.
SELECT step, model, workers, sum(usual_seconds) AS usual_seconds, sum(wall_seconds) AS busy_seconds
FROM durations WHERE step IS NOT NULL GROUP BY job_id, step, model, workers
QUALIFY row_number() OVER (PARTITION BY step, model, workers ORDER BY max(at_utc) DESC) <= 20
ORDER BY max(at_utc);
