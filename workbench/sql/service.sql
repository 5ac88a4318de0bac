-- name: answer
SELECT * FROM answers WHERE caller = $caller AND request_key = $request_key;

-- name: add_answer
INSERT INTO answers VALUES ($caller, $request_key, $body_hash, $job_ids, $at);

-- name: prune_answers
DELETE FROM answers WHERE at_utc < $before;

-- name: add_delivery
INSERT INTO deliveries (delivery_id, job_id, kind, target, body, next_at, created_at)
VALUES ($delivery_id, $job_id, $kind, $target, $body, $at, $at) RETURNING *;

-- name: due_deliveries
-- Some of each receiver's, so that the many for one that is slow do not hide those for the others. What is of a
-- time to come, and was never tried, is of a clock that has been set back since.
SELECT *, CASE kind WHEN 'mail' THEN 'mail' ELSE lower(regexp_extract(target, '//([^/?#]*)', 1)) END AS host
FROM deliveries WHERE state = 'pending' AND (next_at <= $now OR (tries = 0 AND created_at > $now))
QUALIFY row_number() OVER (PARTITION BY host ORDER BY next_at, delivery_id) <= $each
ORDER BY next_at, delivery_id LIMIT $limit;

-- name: next_delivery
SELECT min(next_at) AS next_at FROM deliveries WHERE state = 'pending';

-- name: tried_delivery
-- Only as the try found it: a replay meanwhile is not undone.
UPDATE deliveries SET tries = tries + 1, state = $state, next_at = $next_at, last_status = $status,
    last_reason = $reason, ended_at = CASE WHEN $state = 'pending' THEN NULL ELSE $at END
WHERE delivery_id = $delivery_id AND state = 'pending' AND tries = $tries RETURNING *;

-- name: replay_delivery
UPDATE deliveries SET state = 'pending', tries = 0, next_at = $at, ended_at = NULL
WHERE delivery_id = $delivery_id RETURNING *;

-- name: deliveries
SELECT * FROM deliveries
WHERE ($job_id IS NULL OR job_id = $job_id) AND ($state IS NULL OR state = $state)
    AND ($before IS NULL OR delivery_id < $before)
ORDER BY delivery_id DESC LIMIT $limit;

-- name: delivery_states
SELECT state, count(*) AS count FROM deliveries GROUP BY state;

-- name: add_key
INSERT INTO keys VALUES ($key_id, $name, $hash, $scope, $created_at, NULL);

-- name: revoke_key
UPDATE keys SET revoked_at = $at WHERE key_id = $key_id AND revoked_at IS NULL RETURNING *;

-- name: keys
SELECT * FROM keys ORDER BY created_at, key_id;

-- name: add_audit
INSERT INTO audit VALUES ($at, $who, $action, $what);

-- name: audit
SELECT * FROM audit ORDER BY at_utc DESC, rowid DESC LIMIT $limit;

-- name: schedule_runs
SELECT * FROM schedule_runs;

-- name: see_schedule
INSERT INTO schedule_runs VALUES ($schedule, $at) ON CONFLICT DO NOTHING;

-- name: forget_schedule
DELETE FROM schedule_runs WHERE schedule = $schedule;

-- name: save_schedule_run
INSERT INTO schedule_runs VALUES ($schedule, $at) ON CONFLICT (schedule) DO UPDATE SET at_utc = excluded.at_utc;
