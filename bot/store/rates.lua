-- Counts one operation against every counter, or against none if one of them is full.
-- KEYS a counter each; ARGV limit, microseconds for each of them, then '1' to look and count nothing
-- Returns {0, 0}, or {the number of the full counter, the microseconds until it takes one more}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local marked = {}
for n, key in ipairs(KEYS) do
  local limit, span = tonumber(ARGV[2 * n - 1]), tonumber(ARGV[2 * n])
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - span)
  if redis.call('ZCARD', key) >= limit then
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    return {n, first + span - now}
  end
  -- A member for each: several in one microsecond are several.
  marked[n] = string.format('%.0f-%d', now, redis.call('ZCARD', key))
end
if ARGV[2 * #KEYS + 1] == '1' then
  return {0, 0}
end
for n, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, marked[n])
  redis.call('PEXPIRE', key, math.ceil(ARGV[2 * n] / 1000))
end
return {0, 0}
