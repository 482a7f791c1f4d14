-- Keeps the newest progress of running jobs, and tells the bots of it unless they have not yet heard of the last.
-- KEYS prefix, events
-- ARGV seconds to keep it, worker, then job, progress, job, progress…
local prefix = KEYS[1]
for i = 3, #ARGV, 2 do
  local job = ARGV[i]
  if redis.call('EXISTS', prefix .. 'done:' .. job) == 0 then
    redis.call('SET', prefix .. 'live:' .. job, ARGV[i + 1], 'EX', ARGV[1])
    -- The mark ends by itself: a bot that died with the event in its hands must not silence the job.
    if redis.call('SET', prefix .. 'live-told:' .. job, '1', 'NX', 'EX', 30) then
      local told = string.format('{"kind":"progressed","job_id":"%s","worker":"%s"}', job, ARGV[2])
      redis.call('XADD', KEYS[2], '*', 'event', told)
    end
  end
end
