-- What the scripts share; bot/jobs/names.py puts it in front of each.
--
-- A job is in one place: waiting (its entry in a lane's stream was not read), ready (read, to be taken next),
-- parked (read, waiting for a lock or for its asker's share), claimed (a worker has it), held (the bot keeps
-- it until what holds it is gone), or done. The hash
-- claim:JOB holds all that is known of it once its entry was read: state, token, lane, entry, effect, attempt,
-- user, and the locks it stands in line for.

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function field(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then
      return fields[i + 1]
    end
  end
end

-- Follows of logs and the like have slots and shares of their own.
local function kind_of(lane)
  return lane == 'follow' and 'follow' or 'quick'
end

local function stream_of(prefix, host, lane)
  return prefix .. 'jobs:' .. host .. ':' .. lane
end

local function claim_of(prefix, job)
  return prefix .. 'claim:' .. job
end

-- What the bot keeps of held jobs, by job; no worker comes near it.
local function held_of(prefix, host)
  return prefix .. 'held:' .. host
end

local function forget_entry(prefix, host, lane, entry)
  local stream = stream_of(prefix, host, lane)
  redis.call('XACK', stream, 'workers', entry)
  redis.call('XDEL', stream, entry)
end

local function make_ready(prefix, host, job)
  local claim = claim_of(prefix, job)
  redis.call('HSET', claim, 'state', 'ready', 'token', '')
  redis.call('XADD', prefix .. 'ready:' .. host .. ':' .. kind_of(redis.call('HGET', claim, 'lane')), '*', 'job', job)
end

-- Locks. A job stands in line for each of its targets from one moment on, told by its number, so that two
-- jobs never wait for each other. It may go when it leads every line and nobody before it has the whole host.

local function host_lines(prefix, host)
  return prefix .. 'lock:' .. host .. ':some', prefix .. 'lock:' .. host .. ':whole'
end

local function line_of(prefix, host, target)
  return prefix .. 'lock:' .. host .. ':of:' .. target
end

-- The job it has to wait for, or nil.
local function blocker(prefix, host, job)
  local held = redis.call('HMGET', claim_of(prefix, job), 'targets', 'number')
  if not held[1] then
    return nil
  end
  local targets, number = cjson.decode(held[1]), tonumber(held[2])
  local some, whole = host_lines(prefix, host)
  local first = redis.call('ZRANGE', whole, 0, 0, 'WITHSCORES')
  if first[1] and first[1] ~= job and tonumber(first[2]) < number then
    return first[1]
  end
  if #targets == 0 then
    first = redis.call('ZRANGE', some, 0, 0, 'WITHSCORES')
    return first[1] and tonumber(first[2]) < number and first[1] or nil
  end
  for _, target in ipairs(targets) do
    first = redis.call('ZRANGE', line_of(prefix, host, target), 0, 0)
    if first[1] and first[1] ~= job then
      return first[1]
    end
  end
end

-- The last of those that came before it and are in its way, or nil: once that one is over, it is its turn.
local function before(prefix, host, job)
  local held = redis.call('HMGET', claim_of(prefix, job), 'targets', 'number')
  if not held[1] then
    return nil
  end
  local targets = cjson.decode(held[1])
  local some, whole = host_lines(prefix, host)
  local lines = {whole, #targets == 0 and some or nil}
  for _, target in ipairs(targets) do
    table.insert(lines, line_of(prefix, host, target))
  end
  local last, number
  for _, line in ipairs(lines) do
    local found = redis.call('ZREVRANGEBYSCORE', line, '(' .. held[2], '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if found[1] and (not number or tonumber(found[2]) > number) then
      last, number = found[1], tonumber(found[2])
    end
  end
  return last
end

-- Tells behind whom a parked job waits now; the events of one job are counted, so that the last one counts.
local function tell_wait(prefix, host, job, worker)
  local ahead = before(prefix, host, job)
  if ahead then
    redis.call('XADD', prefix .. 'events', '*', 'event', string.format(
      '{"kind":"waits","job_id":"%s","worker":"%s","behind":"%s","number":%d,"at":%.3f}',
      job, worker, ahead, redis.call('HINCRBY', claim_of(prefix, job), 'waits', 1), now_ms() / 1000))
  end
end

local function stand_in_line(prefix, host, job, targets)
  local number = redis.call('INCR', prefix .. 'lock:' .. host .. ':number')
  local some, whole = host_lines(prefix, host)
  redis.call('HSET', claim_of(prefix, job), 'targets', #targets == 0 and '[]' or cjson.encode(targets), 'number', number)
  redis.call('ZADD', #targets == 0 and whole or some, number, job)
  for _, target in ipairs(targets) do
    redis.call('ZADD', line_of(prefix, host, target), number, job)
  end
end

local function wake_if_free(prefix, host, job)
  if redis.call('HGET', claim_of(prefix, job), 'state') == 'parked' and not blocker(prefix, host, job) then
    make_ready(prefix, host, job)
  end
end

local TOLD_AT_ONCE = 50

-- Those that wait right behind a number: what they were told is about to be wrong.
local function right_behind(lines, number, most)
  local found = {}
  for _, line in ipairs(lines) do
    for _, job in ipairs(redis.call('ZRANGEBYSCORE', line, '(' .. number, '+inf', 'LIMIT', 0, most)) do
      found[job] = true
    end
  end
  return found
end

local function leave_lines(prefix, host, job)
  local held = redis.call('HMGET', claim_of(prefix, job), 'targets', 'number')
  if not held[1] then
    return
  end
  local targets = cjson.decode(held[1])
  local some, whole = host_lines(prefix, host)
  local lines = {whole, #targets == 0 and some or nil}
  for _, target in ipairs(targets) do
    table.insert(lines, line_of(prefix, host, target))
  end
  local behind = right_behind(lines, held[2], #targets == 0 and TOLD_AT_ONCE or 1)
  redis.call('ZREM', some, job)
  redis.call('ZREM', whole, job)
  for _, target in ipairs(targets) do
    redis.call('ZREM', line_of(prefix, host, target), job)
  end
  redis.call('HDEL', claim_of(prefix, job), 'targets', 'number')
  for _, target in ipairs(targets) do
    local next = redis.call('ZRANGE', line_of(prefix, host, target), 0, 0)[1]
    if next then
      wake_if_free(prefix, host, next)
    end
  end
  local first = redis.call('ZRANGE', whole, 0, 0, 'WITHSCORES')
  if first[1] then
    wake_if_free(prefix, host, first[1])
  end
  if #targets == 0 then
    for _, next in ipairs(redis.call('ZRANGEBYSCORE', some, '-inf', first[2] or '+inf')) do
      wake_if_free(prefix, host, next)
    end
  end
  for next in pairs(behind) do
    if redis.call('HGET', claim_of(prefix, next), 'state') == 'parked' then
      tell_wait(prefix, host, next, '')
    end
  end
end

-- Shares. Nobody's jobs take all slots of a host: what is beyond the share is parked, in order.

local function share_line(prefix, host, lane, user)
  return prefix .. 'share:' .. host .. ':' .. kind_of(lane) .. ':' .. user
end

local function next_of_share(prefix, line)
  while true do
    local job = redis.call('LPOP', line)
    if not job or redis.call('HGET', claim_of(prefix, job), 'state') == 'parked' then
      return job
    end
  end
end

-- Gives the place of a job that runs no more to the asker's next one.
local function leave_share(prefix, host, job)
  local held = redis.call('HMGET', claim_of(prefix, job), 'lane', 'user')
  local next = next_of_share(prefix, share_line(prefix, host, held[1], held[2]))
  if next then
    make_ready(prefix, host, next)
  end
end

-- Ends a job in whatever place it is; `done` says what ended it, nil that it may come again.
local function end_job(prefix, host, job, done, seconds)
  local claim = claim_of(prefix, job)
  local held = redis.call('HMGET', claim, 'state', 'lane', 'entry')
  if held[1] == 'claimed' or held[1] == 'ready' then -- the asker's next has its place, or it would wait for ever
    redis.call('ZREM', prefix .. 'claims:' .. host, job)
    leave_share(prefix, host, job)
  end
  if held[1] then
    leave_lines(prefix, host, job)
    forget_entry(prefix, host, held[2], held[3])
  end
  redis.call('DEL', claim, prefix .. 'cancel:' .. job)
  if done then
    redis.call('SET', prefix .. 'done:' .. job, done, 'EX', seconds)
  end
end

-- Whether this token still holds the claim, and the lease has lapsed where that is asked: 'ok', 'lost', 'alive'.
local function standing(prefix, host, job, token, lapsed)
  local held = redis.call('HMGET', claim_of(prefix, job), 'token', 'state')
  if held[1] ~= token or held[2] ~= 'claimed' then
    return 'lost'
  end
  if lapsed and tonumber(redis.call('ZSCORE', prefix .. 'claims:' .. host, job) or '0') > now_ms() then
    return 'alive'
  end
  return 'ok'
end

