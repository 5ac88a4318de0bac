-- name: reviews
SELECT * FROM reviews;

-- name: save_review
INSERT INTO reviews VALUES ($episode_id, $state, $who, $at, 1)
ON CONFLICT (episode_id) DO UPDATE SET state = excluded.state, who = excluded.who, at_utc = excluded.at_utc,
    revision = reviews.revision + 1
RETURNING *;

-- name: touch_review
-- What somebody has changed is in review from then on; who published it says so anew.
INSERT INTO reviews VALUES ($episode_id, 'in review', $who, $at, 1)
ON CONFLICT (episode_id) DO UPDATE SET state = 'in review', who = excluded.who, at_utc = excluded.at_utc,
    revision = reviews.revision + 1
RETURNING *;

-- name: edits
SELECT * FROM edits WHERE episode_id = $episode_id ORDER BY number;

-- name: save_edit
-- Who types on writes over what others wrote meanwhile; the same sent once more stays where it was.
INSERT INTO edits
SELECT $episode_id, $edit_id, coalesce(max(number), 0) + 1, $base, $who, $at, $body, FALSE
FROM edits WHERE episode_id = $episode_id
ON CONFLICT (episode_id, edit_id) DO UPDATE SET
    number = CASE WHEN edits.body = excluded.body THEN edits.number ELSE excluded.number END,
    body = excluded.body, base = excluded.base, at_utc = excluded.at_utc, undone = FALSE;

-- name: edit
SELECT * FROM edits WHERE episode_id = $episode_id AND edit_id = $edit_id;

-- name: forget_undone
-- Who does something else cannot redo any more.
DELETE FROM edits WHERE episode_id = $episode_id AND who = $who AND undone AND edit_id <> $edit_id;

-- name: last_edit
SELECT * FROM edits WHERE episode_id = $episode_id AND who = $who AND NOT undone ORDER BY number DESC LIMIT 1;

-- name: first_undone
SELECT * FROM edits WHERE episode_id = $episode_id AND who = $who AND undone ORDER BY number LIMIT 1;

-- name: mark_edit
UPDATE edits SET undone = $undone WHERE episode_id = $episode_id AND edit_id = $edit_id;
