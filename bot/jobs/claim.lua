-- Takes jobs: what is ready first, then the lanes in their order; each is claimed in the same step as it is
-- read, so that no job is ever read without a claim.
-- KEYS prefix, claims, events (further keys have the prefix, and so its slot)
-- ARGV host, worker, lease in ms, now in epoch seconds,
--      free quick slots, free follow slots, share of quick, share of follow, then lane, most of it…
-- Returns {{{job, token, attempt, ticket, lane}…}, {last id read of each lane…}, which policy is in force}; that
-- is '' where no job was taken, or where it has to be asked for by itself.
local prefix, claims, events = KEYS[1], KEYS[2], KEYS[3]
local host, worker = ARGV[1], ARGV[2]
local expires = now_ms() + tonumber(ARGV[3])
local free = {quick = tonumber(ARGV[5]), follow = tonumber(ARGV[6])}
local share = {quick = tonumber(ARGV[7]), follow = tonumber(ARGV[8])}
local taken, last, running = {}, {}, nil
local PARKED_AT_ONCE = 200
local parked = 0

-- How many jobs each asker has in work; asked for once there is something to take.
local function in_work(lane, user)
  if not running then
    running = {}
    for _, job in ipairs(redis.call('ZRANGE', claims, 0, -1)) do
      local held = redis.call('HMGET', claim_of(prefix, job), 'lane', 'user')
      if held[1] then
        local key = kind_of(held[1]) .. ' ' .. (held[2] or '')
        running[key] = (running[key] or 0) + 1
      end
    end
  end
  local key = kind_of(lane) .. ' ' .. user
  running[key] = running[key] or 0
  return running, key
end

local function begin(job, lane, entry, ticket, effect, attempt, user)
  local token = worker .. '/' .. job .. '/' .. now_ms() .. '/' .. attempt
  local counts, key = in_work(lane, user)
  counts[key] = counts[key] + 1
  free[kind_of(lane)] = free[kind_of(lane)] - 1
  redis.call('HSET', claim_of(prefix, job), 'state', 'claimed', 'token', token, 'at', ARGV[4])
  redis.call('ZADD', claims, expires, job)
  if effect == 'read' then -- a change begins with its locks
    local began = string.format('{"kind":"began","job_id":"%s","worker":"%s","at":%s}', job, worker, ARGV[4])
    redis.call('XADD', events, '*', 'event', began)
  end
  table.insert(taken, {job, token, attempt, ticket, lane})
end

local function take_ready(kind)
  local ready = prefix .. 'ready:' .. host .. ':' .. kind
  while free[kind] > 0 do
    local entry = redis.call('XRANGE', ready, '-', '+', 'COUNT', 1)[1]
    if not entry then
      return
    end
    redis.call('XDEL', ready, entry[1])
    local job = field(entry[2], 'job') or ''
    local held = redis.call('HMGET', claim_of(prefix, job), 'state', 'lane', 'entry', 'effect', 'attempt', 'user')
    if held[1] == 'ready' then
      local found = redis.call('XRANGE', stream_of(prefix, host, held[2]), held[3], held[3])[1]
      if found then
        begin(job, held[2], held[3], field(found[2], 'ticket') or '', held[4], tonumber(held[5]), held[6])
      else
        end_job(prefix, host, job, nil, 0) -- somebody took its ticket away
      end
    end
  end
end

local function take(lane, id, fields)
  local job, ticket, user = field(fields, 'job'), field(fields, 'ticket'), field(fields, 'user') or ''
  if not job or not ticket or not string.match(job, '^J%-%d+$') then
    local raw = string.sub(cjson.encode(fields), 1, 4096)
    redis.call('XADD', prefix .. 'malformed', 'MAXLEN', '~', 1000, '*', 'stream', lane, 'entry', id, 'raw', raw)
    forget_entry(prefix, host, lane, id)
    return
  end
  local claim = claim_of(prefix, job)
  if redis.call('EXISTS', claim, prefix .. 'done:' .. job) > 0 then
    forget_entry(prefix, host, lane, id) -- a replay: this job is there already, or has ended
    return
  end
  local attempt = tonumber(field(fields, 'attempt') or '1') or 1
  local effect = field(fields, 'effect') or 'change'
  redis.call('HSET', claim, 'state', 'parked', 'token', '', 'effect', effect, 'lane', lane, 'entry', id,
    'attempt', attempt, 'user', user)
  local counts, key = in_work(lane, user)
  if user ~= '' and counts[key] >= share[kind_of(lane)] then
    redis.call('RPUSH', share_line(prefix, host, lane, user), job)
    parked = parked + 1
  else
    begin(job, lane, id, ticket, effect, attempt, user)
  end
end

take_ready('quick')
take_ready('follow')
for i = 9, #ARGV, 2 do
  local lane, kind, most = ARGV[i], kind_of(ARGV[i]), tonumber(ARGV[i + 1])
  local stream, before = stream_of(prefix, host, lane), #taken
  while free[kind] > 0 and #taken - before < most and parked < PARKED_AT_ONCE do
    local count = math.min(free[kind], most - (#taken - before))
    local read = redis.call('XREADGROUP', 'GROUP', 'workers', worker, 'COUNT', count, 'STREAMS', stream, '>')
    if not read then
      break
    end
    for _, entry in ipairs(read[1][2]) do
      take(lane, entry[1], entry[2])
    end
  end
end
for i = 9, #ARGV, 2 do
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream_of(prefix, host, ARGV[i]))) do
    if field(group, 'name') == 'workers' then
      table.insert(last, field(group, 'last-delivered-id'))
    end
  end
end
-- Whatever was put there must not keep what is claimed by now from its worker.
local said = #taken > 0 and redis.pcall('GET', prefix .. 'policy:in-force')
return {taken, last, type(said) == 'string' and said or ''}
