-- Lists claims whose lease lapsed, and puts back entries that were read but that no claim covers.
-- KEYS prefix, claims, streams…
-- ARGV milliseconds after which an uncovered entry is put back
-- Returns {{job, token, effect, attempt}…}.
local prefix, claims = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local lapsed, covered = {}, {}
for _, job in ipairs(redis.call('ZRANGE', claims, 0, -1)) do
  local held = redis.call('HMGET', prefix .. 'claim:' .. job, 'token', 'effect', 'attempt', 'entry')
  if not held[1] then
    redis.call('ZREM', claims, job)
  else
    covered[held[4]] = true
    if tonumber(redis.call('ZSCORE', claims, job)) <= now then
      table.insert(lapsed, {job, held[1], held[2], held[3]})
    end
  end
end
for i = 3, #KEYS do
  for _, pending in ipairs(redis.call('XPENDING', KEYS[i], 'workers', 'IDLE', ARGV[1], '-', '+', 100)) do
    local id = pending[1]
    if not covered[id] then
      local found = redis.call('XRANGE', KEYS[i], id, id)[1]
      redis.call('XACK', KEYS[i], 'workers', id)
      redis.call('XDEL', KEYS[i], id)
      if found and #found[2] <= 64 then
        redis.call('XADD', KEYS[i], '*', unpack(found[2]))
      end
    end
  end
end
return lapsed
