-- The outbox: messages that Slack is still to show, the pace at which it takes them, who sends to a channel.
-- KEYS[1] prefix; ARGV[1] operation, ARGV[2] channel, ARGV[3] owner, ARGV[4] lease ms, ARGV[5] now (s).
-- Below the prefix:
--   entry:KEY    hash   blob, revision, lane (post, edit, side), under, after (s), spacing (s), mark, tries
--   sent:KEY     hash   revision, blob, at (s): what Slack shows already, where, when it was edited
--   posts:CH     zset   keys in the order they are to appear, by time; the first one blocks the others
--   others:CH    zset   keys whose order does not matter: edits, ephemerals, calls for an upload's address
--   wake         zset   channels with something to send, by when
--   lease:CH     the one bot that sends to the channel
--   hold:LANE    until when Slack wants no more calls of this kind
--   bucket:NAME  hash   tokens, at
local P = KEYS[1]
local op, channel, owner, lease, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local posts, others = P .. 'posts:' .. channel, P .. 'others:' .. channel
local leasekey = P .. 'lease:' .. channel
-- The part of the edits' burst that passing states leave to those that stay.
local RESERVE = 0.5
local BEHIND = 1e8

local function claim()
  local holder = redis.call('GET', leasekey)
  if holder and holder ~= owner then return false end
  redis.call('SET', leasekey, owner, 'PX', lease)
  return true
end

local function forget(key)
  redis.call('DEL', P .. 'entry:' .. key)
  redis.call('ZREM', posts, key)
  redis.call('ZREM', others, key)
end

local function queue(key, lane, at, spacing)
  local mine, other = posts, others
  if lane ~= 'post' then mine, other = others, posts end
  redis.call('ZREM', other, key)
  if lane == 'edit' and (spacing or 0) > 0 then
    -- A passing state stands behind all that stays, and keeps the place of the one it overtakes, or a busy
    -- job would never have its turn.
    redis.call('ZADD', mine, 'NX', tonumber(at) + BEHIND, key)
  else
    redis.call('ZADD', mine, at, key)
  end
end

-- The tokens left in a bucket, without taking one.
local function tokens(name, rate, burst)
  local kept = redis.call('HMGET', P .. 'bucket:' .. name, 'tokens', 'at')
  if not kept[1] then return burst end
  return math.min(burst, tonumber(kept[1]) + math.max(0, now - tonumber(kept[2])) * rate)
end

local function spend(name, left)
  redis.call('HSET', P .. 'bucket:' .. name, 'tokens', tostring(left - 1), 'at', tostring(now))
  redis.call('EXPIRE', P .. 'bucket:' .. name, 600)
end

-- When this entry may go out: nil for now, else a time.
local function not_before(key, lane, pace)
  local kept = redis.call('HMGET', P .. 'entry:' .. key, 'after', 'spacing')
  local spacing = tonumber(kept[2] or 0)
  local hold = tonumber(redis.call('GET', P .. 'hold:' .. lane) or 0)
  local at = math.max(tonumber(kept[1] or 0), hold)
  if lane == 'edit' and spacing > 0 then
    at = math.max(at, tonumber(redis.call('HGET', P .. 'sent:' .. key, 'at') or 0) + spacing)
  end
  if at > now then return at end
  local name, rate, burst, need = channel, pace.rate, pace.burst, 1
  if lane == 'edit' then
    name, rate, burst = 'edits', pace.edit_rate, pace.edit_burst
    if spacing > 0 then need = math.max(1, burst * RESERVE) end
  end
  if lane == 'side' then return nil end
  local left = tokens(name, rate, burst)
  -- Not quite as many: who waits exactly as told must not fail on a rounding.
  if left < need - 0.000001 then return now + (need - left) / rate end
  spend(name, left)
  return nil
end

local function hand_out(key, lane)
  local entry = P .. 'entry:' .. key
  local kept = redis.call('HMGET', entry, 'blob', 'revision', 'mark', 'tries', 'under')
  redis.call('HSET', entry, 'mark', 'sending')
  local sent = redis.call('HGET', P .. 'sent:' .. key, 'blob')
  local under = kept[5] ~= '' and redis.call('HGET', P .. 'sent:' .. kept[5], 'blob')
  return {'send', key, kept[1], kept[2], kept[3] or '', kept[4] or '0', sent or '', under or '', lane}
end

-- The next thing to send, when to ask again, or that there is nothing (the lease is given back then).
local function take(pace)
  local wake = nil
  local first = redis.call('ZRANGE', posts, 0, 0, 'WITHSCORES')
  while first[1] and redis.call('EXISTS', P .. 'entry:' .. first[1]) == 0 do
    redis.call('ZREM', posts, first[1])
    first = redis.call('ZRANGE', posts, 0, 0, 'WITHSCORES')
  end
  if first[1] then
    wake = tonumber(first[2])
    if wake <= now then
      wake = not_before(first[1], 'post', pace)
      if not wake then return hand_out(first[1], 'post') end
    end
  end
  for _, key in ipairs(redis.call('ZRANGE', others, 0, 31)) do
    local lane = redis.call('HGET', P .. 'entry:' .. key, 'lane')
    if lane then
      local at = not_before(key, lane, pace)
      if not at then return hand_out(key, lane) end
      if not wake or at < wake then wake = at end
    else
      redis.call('ZREM', others, key)
    end
  end
  if wake then
    redis.call('ZADD', P .. 'wake', wake, channel)
    return {'wait', tostring(wake)}
  end
  redis.call('ZREM', P .. 'wake', channel)
  redis.call('DEL', leasekey)
  return {'empty'}
end

local function pace_at(i)
  return {
    rate = tonumber(ARGV[i]), burst = tonumber(ARGV[i + 1]),
    edit_rate = tonumber(ARGV[i + 2]), edit_burst = tonumber(ARGV[i + 3]),
  }
end

-- put: ARGV pace, then for each entry: key, blob, revision, lane, under, after, spacing.
-- Returns what the caller is to do: 'known' (these or later revisions are there), 'start' and the first thing
-- to send (the channel was nobody's), 'mine', 'theirs'.
if op == 'put' then
  local news = false
  for i = 10, #ARGV, 7 do
    local key, revision, lane = ARGV[i], tonumber(ARGV[i + 2]), ARGV[i + 3]
    local after, spacing = tonumber(ARGV[i + 5]), tonumber(ARGV[i + 6])
    local entry, sent = P .. 'entry:' .. key, P .. 'sent:' .. key
    local shown = tonumber(redis.call('HGET', sent, 'revision') or -1)
    local wanted = tonumber(redis.call('HGET', entry, 'revision') or -1)
    if shown < revision and wanted < revision then
      news = true
      if shown >= 0 then lane = 'edit' end
      redis.call('HSET', entry, 'blob', ARGV[i + 1], 'revision', ARGV[i + 2], 'lane', lane, 'under', ARGV[i + 4],
        'after', ARGV[i + 5], 'spacing', ARGV[i + 6])
      queue(key, lane, tostring(math.max(now, after)), spacing)
    end
  end
  if not news then return {'known'} end
  local wake = redis.call('ZSCORE', P .. 'wake', channel)
  if not wake or tonumber(wake) > now then redis.call('ZADD', P .. 'wake', now, channel) end
  local free = redis.call('EXISTS', leasekey) == 0
  if not claim() then return {'theirs'} end
  if free then return {'start', take(pace_at(6))} end
  return {'mine'}
end

-- take: ARGV pace.
if op == 'take' then
  if not claim() then return {'lost'} end
  return take(pace_at(6))
end

-- done: ARGV pace, key, revision, sent blob ('' keeps no trace), seconds to remember it.
if op == 'done' then
  local key, revision, blob = ARGV[10], tonumber(ARGV[11]), ARGV[12]
  if blob ~= '' then
    -- The first edit keeps no distance: it is what people wait for.
    local at = redis.call('HGET', P .. 'entry:' .. key, 'lane') == 'edit' and ARGV[5] or '0'
    redis.call('HSET', P .. 'sent:' .. key, 'revision', ARGV[11], 'blob', blob, 'at', at)
    redis.call('EXPIRE', P .. 'sent:' .. key, ARGV[13])
  end
  local entry = P .. 'entry:' .. key
  local wanted = tonumber(redis.call('HGET', entry, 'revision') or -1)
  if wanted > revision then
    local lane = blob ~= '' and 'edit' or redis.call('HGET', entry, 'lane')
    redis.call('HSET', entry, 'lane', lane, 'mark', '', 'tries', 0)
    queue(key, lane, ARGV[5], tonumber(redis.call('HGET', entry, 'spacing') or 0))
  else
    forget(key)
  end
  if not claim() then return {'lost'} end
  return take(pace_at(6))
end

-- again: ARGV pace, key, revision, blob ('' keeps it), lane, mark, after, hold until (0 for none).
if op == 'again' then
  local key, revision, blob, lane, mark = ARGV[10], tonumber(ARGV[11]), ARGV[12], ARGV[13], ARGV[14]
  local entry = P .. 'entry:' .. key
  local hold = tonumber(ARGV[16])
  if hold > now then
    redis.call('SET', P .. 'hold:' .. lane, ARGV[16], 'EX', math.ceil(hold - now) + 1)
  end
  if redis.call('EXISTS', entry) == 1 then
    redis.call('HINCRBY', entry, 'tries', 1)
    redis.call('HSET', entry, 'mark', mark)
    -- A newer revision that came meanwhile keeps its own content and time.
    if tonumber(redis.call('HGET', entry, 'revision')) == revision then
      redis.call('HSET', entry, 'after', ARGV[15], 'lane', lane)
      if blob ~= '' then redis.call('HSET', entry, 'blob', blob) end
      if lane ~= 'post' then queue(key, lane, ARGV[5])
      elseif not redis.call('ZSCORE', posts, key) then queue(key, lane, ARGV[5]) end
    end
  end
  if not claim() then return {'lost'} end
  return take(pace_at(6))
end

-- release: ARGV key, mark: a channel is given back, and what was handed out but not called (key '' for none).
if op == 'release' then
  if redis.call('GET', leasekey) == owner then
    if ARGV[6] ~= '' and redis.call('EXISTS', P .. 'entry:' .. ARGV[6]) == 1 then
      redis.call('HSET', P .. 'entry:' .. ARGV[6], 'mark', ARGV[7])
    end
    redis.call('DEL', leasekey)
  end
  return {'released'}
end

return redis.error_reply('no such operation')
