-- Keeps what is in force until somebody ends it: a new record, the next revision of one, or its end.
-- KEYS records, numbers, audit
-- ARGV id, the revision it has to have now ('' for a new one), its next value ('' ends it), audit entry, its mac,
--   the most entries that may wait, the count of changes that there has to be now ('' for any)
-- `numbers` counts the changes and knows the last one. Returns 'kept', 'first' (somebody else was), or 'full' (the
--   audit takes no more).
local now = redis.call('HGET', KEYS[1], ARGV[1])
local revision = now and string.match(now, '^(%d+) ') or ''
local next = ARGV[2] == '' and '0' or tostring(tonumber(ARGV[2]) + 1)
local again = redis.call('HGET', KEYS[2], 'last') == ARGV[5]
if again or (now and now == next .. ' ' .. ARGV[3]) then
  return 'kept' -- this very call, sent again after its reply was lost
end
if revision ~= ARGV[2] then
  return 'first'
end
if ARGV[7] ~= '' and (redis.call('HGET', KEYS[2], 'changes') or '0') ~= ARGV[7] then
  return 'first'
end
if redis.call('XLEN', KEYS[3]) >= tonumber(ARGV[6]) then
  return 'full'
end
redis.call('XADD', KEYS[3], '*', 'entry', ARGV[4], 'mac', ARGV[5])
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], next .. ' ' .. ARGV[3])
end
redis.call('HINCRBY', KEYS[2], 'changes', 1)
redis.call('HSET', KEYS[2], 'last', ARGV[5])
return 'kept'
