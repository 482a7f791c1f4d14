-- Renews every lease a worker holds and says that the worker lives.
-- KEYS prefix, claims, alive
-- ARGV host, worker, lease in ms, then job, token, job, token…
-- Returns {{job that is no longer ours…}, {signed cancel of one of ours…}}.
local prefix, claims = KEYS[1], KEYS[2]
local host = ARGV[1]
local expires = now_ms() + tonumber(ARGV[3])
redis.call('SET', KEYS[3], ARGV[2], 'PX', 2 * tonumber(ARGV[3]))
local lost, cancels = {}, {}
for i = 4, #ARGV, 2 do
  local job = ARGV[i]
  if standing(prefix, host, job, ARGV[i + 1], false) == 'ok' then
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
