-- Lists claims whose lease lapsed, and puts back entries that were read but that nothing else knows of.
-- KEYS prefix, claims
-- ARGV host, milliseconds after which such an entry is put back, lanes…
-- Returns {{job, token, effect, attempt, at, ticket}…}.
local prefix, claims = KEYS[1], KEYS[2]
local host, now = ARGV[1], now_ms()
local lapsed = {}
for _, job in ipairs(redis.call('ZRANGEBYSCORE', claims, '-inf', now)) do
  local held = redis.call('HMGET', claim_of(prefix, job), 'token', 'effect', 'attempt', 'at', 'lane', 'entry')
  if not held[5] then
    redis.call('ZREM', claims, job)
  else
    local found = redis.call('XRANGE', stream_of(prefix, host, held[5]), held[6], held[6])[1]
    local ticket = found and field(found[2], 'ticket') or ''
    table.insert(lapsed, {job, held[1], held[2], held[3], held[4] or '0', ticket})
  end
end
for i = 3, #ARGV do
  local stream = stream_of(prefix, host, ARGV[i])
  for _, pending in ipairs(redis.call('XPENDING', stream, 'workers', 'IDLE', ARGV[2], '-', '+', 100)) do
    local id = pending[1]
    local found = redis.call('XRANGE', stream, id, id)[1]
    local job = found and field(found[2], 'job') or ''
    if redis.call('HGET', claim_of(prefix, job), 'entry') ~= id then
      redis.call('XACK', stream, 'workers', id)
      redis.call('XDEL', stream, id)
      if found and #found[2] <= 64 then
        redis.call('XADD', stream, '*', unpack(found[2]))
      end
    end
  end
end
return lapsed
