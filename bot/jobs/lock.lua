-- Takes all locks of a change, or parks it behind whoever is before it; then its slot is free.
-- KEYS prefix, claims, events
-- ARGV host, job, token, worker, now in epoch seconds, '1' for with locks, then its targets in order (none: the whole host)
-- Returns 'held', 'parked' or 'lost'.
local prefix, claims, events = KEYS[1], KEYS[2], KEYS[3]
local host, job, token = ARGV[1], ARGV[2], ARGV[3]
if standing(prefix, host, job, token, false) ~= 'ok' then
  return 'lost'
end
local claim = claim_of(prefix, job)
local ahead
if ARGV[6] == '1' then
  if redis.call('HEXISTS', claim, 'targets') == 0 then
    local targets = {}
    for i = 7, #ARGV do
      table.insert(targets, ARGV[i])
    end
    stand_in_line(prefix, host, job, targets)
  end
  ahead = blocker(prefix, host, job)
end
if ahead then
  redis.call('HSET', claim, 'state', 'parked', 'token', '')
  redis.call('ZREM', claims, job)
  leave_share(prefix, host, job)
  tell_wait(prefix, host, job, ARGV[4])
  return 'parked'
end
local began = string.format('{"kind":"began","job_id":"%s","worker":"%s","at":%s}', job, ARGV[4], ARGV[5])
redis.call('XADD', events, '*', 'event', began)
return 'held'
