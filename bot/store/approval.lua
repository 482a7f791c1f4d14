-- Keeps an approval: a new one, once for a delivery, or the next revision of one that nobody else has changed.
-- KEYS approval, due, audit, token, what it asks for, and the delivery that it comes of, if any
-- ARGV job, the revision it has to have now ('' for a new one), blob, seconds it is kept, when it is to be
--   looked after unless it is settled before, audit entry, its mac, the most entries that may wait, delivery
--   seconds, '1' while it is open, '1' to ask for the same a second time
-- Returns {job, 0} when it is kept, {the job of this delivery, 1} when it came before, {'', 2} when the audit takes no more,
-- {'', 3} when somebody else was first, or {the job that asks for the same, 4}.
local new = ARGV[2] == ''
local known = KEYS[6] and redis.call('GET', KEYS[6])
if known then
  return {known, 1}
end
local same = redis.call('GET', KEYS[5])
if new and same and ARGV[11] ~= '1' then
  return {same, 4}
end
if not new and redis.call('HGET', KEYS[1], 'revision') ~= ARGV[2] then
  return {'', 3}
end
if redis.call('XLEN', KEYS[3]) >= tonumber(ARGV[8]) then
  return {'', 2}
end
redis.call('XADD', KEYS[3], '*', 'entry', ARGV[6], 'mac', ARGV[7])
redis.call('HSET', KEYS[1], 'revision', new and 0 or tonumber(ARGV[2]) + 1, 'blob', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('SET', KEYS[4], ARGV[1], 'EX', ARGV[4])
if ARGV[10] == '1' then
  redis.call('SET', KEYS[5], ARGV[1], 'EX', ARGV[4])
elseif same == ARGV[1] then
  redis.call('DEL', KEYS[5])
end
if KEYS[6] then
  redis.call('SET', KEYS[6], ARGV[1], 'EX', ARGV[9])
end
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
return {ARGV[1], 0}
