-- Ends a job, by the holder of its claim alone: releases claim and locks, removes the entry, adds the event.
-- KEYS prefix, claims, events
-- ARGV host, job, token, event, seconds that the end is remembered (0: it may come again),
--      '1' for only if the lease has lapsed
-- Returns 'ok' (also when this token ended it before), 'alive' or 'lost'.
local prefix, events = KEYS[1], KEYS[3]
local host, job, token = ARGV[1], ARGV[2], ARGV[3]
local state = standing(prefix, host, job, token, ARGV[6] == '1')
if state ~= 'ok' then
  return state == 'lost' and redis.call('GET', prefix .. 'done:' .. job) == token and 'ok' or state
end
end_job(prefix, host, job, ARGV[5] ~= '0' and token or nil, ARGV[5])
redis.call('XADD', events, '*', 'event', ARGV[4])
return 'ok'
