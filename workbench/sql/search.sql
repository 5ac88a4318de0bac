-- name: stale_spoken
-- Transcripts that were made or changed since their words were taken into the index.
WITH heard AS (
    SELECT episode_id, created_at,
        concat_ws('|', json_extract_string(artefacts, '$.transcript'), updated_at, coalesce(revision, 0)) AS mark
    FROM episodes LEFT JOIN reviews USING (episode_id)
    WHERE json_extract_string(artefacts, '$.transcript') IS NOT NULL
)
SELECT episode_id, mark FROM heard LEFT JOIN spoken_of USING (episode_id)
WHERE made_of IS DISTINCT FROM mark ORDER BY created_at DESC, episode_id;

-- name: gone_spoken
SELECT episode_id FROM spoken_of WHERE episode_id NOT IN (
    SELECT episode_id FROM episodes WHERE json_extract_string(artefacts, '$.transcript') IS NOT NULL);

-- name: forget_spoken
DELETE FROM spoken WHERE number IN (SELECT number FROM spoken_of WHERE episode_id = $episode_id);

-- name: forget_spoken_of
DELETE FROM spoken_of WHERE episode_id = $episode_id;

-- name: save_spoken_of
INSERT INTO spoken_of
SELECT $episode_id, coalesce(max(number), 0) + 1, $mark, $words FROM spoken_of
ON CONFLICT (episode_id) DO UPDATE SET number = excluded.number, made_of = excluded.made_of, words = excluded.words;

-- name: save_spoken
INSERT INTO spoken
SELECT (SELECT number FROM spoken_of WHERE episode_id = $episode_id),
    unnest($starts::DOUBLE[]), unnest($speakers::VARCHAR[]), unnest($texts::VARCHAR[]), unnest($folded::VARCHAR[]);

-- name: spoken_in
-- The transcripts in which all of these are said somewhere, and whether as whole words.
SELECT number, len(list_filter($whole::VARCHAR[], lambda each: NOT contains(words, each))) = 0 AS whole
FROM spoken_of JOIN episodes USING (episode_id)
WHERE len(list_filter($parts::VARCHAR[], lambda each: NOT contains(words, each))) = 0
ORDER BY created_at DESC, episode_id;

-- name: said
-- $longest is the needle that fewest sentences will hold: it is looked for first, and the others in what is left.
SELECT episode_id, title, created_at, start, speaker, text,
    len(list_filter($whole::VARCHAR[], lambda each: NOT contains(folded, each))) = 0 AS whole
FROM spoken JOIN spoken_of USING (number) JOIN episodes USING (episode_id)
WHERE number IN (SELECT unnest($numbers::BIGINT[])) AND contains(folded, $longest)
    AND len(list_filter($needles::VARCHAR[], lambda each: NOT contains(folded, each))) = 0
ORDER BY whole DESC, created_at DESC, episode_id, start LIMIT $limit;
