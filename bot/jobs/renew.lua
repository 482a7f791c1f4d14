-- Renews every lease a worker holds and says that the worker lives.
-- KEYS prefix, claims, alive
-- ARGV worker, lease in ms, then job, token, job, token…
-- Returns {{job that is no longer ours…}, {signed cancel of one of ours…}}.
local prefix, claims = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local expires = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[2])
redis.call('SET', KEYS[3], ARGV[1], 'PX', 2 * tonumber(ARGV[2]))
local lost, cancels = {}, {}
for i = 3, #ARGV, 2 do
  local job = ARGV[i]
  if redis.call('HGET', prefix .. 'claim:' .. job, 'token') == ARGV[i + 1] then
    redis.call('ZADD', claims, expires, job)
    local cancel = redis.call('GET', prefix .. 'cancel:' .. job)
    if cancel then
      table.insert(cancels, cancel)
    end
  else
    table.insert(lost, job)
  end
end
return {lost, cancels}
