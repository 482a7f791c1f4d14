-- Reads up to COUNT jobs, the most urgent stream first, and claims each in the same step, so that
-- no job is ever read without a claim.
-- KEYS prefix, claims, events, streams… (further keys have the prefix, and so its slot)
-- ARGV worker, lease in ms, count, now in epoch seconds
-- Returns {{{job, token, attempt, ticket}…}, {last id read of each stream…}}.
local prefix, claims, events = KEYS[1], KEYS[2], KEYS[3]
local worker, count = ARGV[1], tonumber(ARGV[3])
local time = redis.call('TIME')
local expires = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + tonumber(ARGV[2])

local function drop(stream, id)
  redis.call('XACK', stream, 'workers', id)
  redis.call('XDEL', stream, id)
end

local function field(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then
      return fields[i + 1]
    end
  end
end

local function take(stream, id, fields, taken)
  local job, ticket = field(fields, 'job'), field(fields, 'ticket')
  if not job or not ticket or not string.match(job, '^J%-%d+$') then
    local raw = string.sub(cjson.encode(fields), 1, 4096)
    redis.call('XADD', prefix .. 'malformed', 'MAXLEN', '~', 1000, '*', 'stream', stream, 'entry', id, 'raw', raw)
    drop(stream, id)
    return
  end
  local claim = prefix .. 'claim:' .. job
  if redis.call('EXISTS', claim, prefix .. 'done:' .. job) > 0 then
    drop(stream, id) -- a replay: this job runs already, or has ended
    return
  end
  local token = worker .. '/' .. id
  local attempt = tonumber(field(fields, 'attempt') or '1') or 1
  redis.call('HSET', claim, 'token', token, 'effect', field(fields, 'effect') or 'change',
    'stream', stream, 'entry', id, 'attempt', attempt)
  redis.call('ZADD', claims, expires, job)
  local began = string.format('{"kind":"began","job_id":"%s","worker":"%s","at":%s}', job, worker, ARGV[4])
  redis.call('XADD', events, '*', 'event', began)
  table.insert(taken, {job, token, attempt, ticket})
end

local taken, last = {}, {}
for i = 4, #KEYS do
  if #taken < count then
    local read = redis.call('XREADGROUP', 'GROUP', 'workers', worker, 'COUNT', count - #taken, 'STREAMS', KEYS[i], '>')
    for _, entry in ipairs(read and read[1][2] or {}) do
      take(KEYS[i], entry[1], entry[2], taken)
    end
  end
end
if #taken == 0 then
  for i = 4, #KEYS do
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[i])) do
      if field(group, 'name') == 'workers' then
        table.insert(last, field(group, 'last-delivered-id'))
      end
    end
  end
end
return {taken, last}
