-- Ends what no worker took in time, on a host whose worker is silent.
-- KEYS prefix, alive, events
-- ARGV host, now in epoch seconds, seconds that the end is remembered, lanes…
-- Returns how many jobs it ended.
local prefix, host, now = KEYS[1], ARGV[1], tonumber(ARGV[2])
if redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
local ended = 0
for i = 4, #ARGV do
  local lane = ARGV[i]
  for _, entry in ipairs(redis.call('XRANGE', stream_of(prefix, host, lane), '-', '+', 'COUNT', 200)) do
    local job = field(entry[2], 'job') or ''
    local until_ = tonumber(field(entry[2], 'not_after') or '')
    if until_ and until_ < now and redis.call('HGET', claim_of(prefix, job), 'state') ~= 'claimed' then
      end_job(prefix, host, job, 'expired', ARGV[3])
      forget_entry(prefix, host, lane, entry[1])
      redis.call('XADD', KEYS[3], '*', 'event',
        string.format('{"kind":"expired","job_id":"%s","worker":"","at":%s}', job, ARGV[2]))
      ended = ended + 1
    end
  end
end
return ended
