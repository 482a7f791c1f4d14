-- The audit's intake. ARGV[1] says what; see bot/store/audit.py.
local what = ARGV[1]

-- KEYS intake · ARGV limit (0: none), then entry, mac… Returns 1, or 0 when the intake is full.
if what == 'append' then
  local limit = tonumber(ARGV[2])
  if limit > 0 and redis.call('XLEN', KEYS[1]) >= limit then
    return 0
  end
  for i = 3, #ARGV, 2 do
    redis.call('XADD', KEYS[1], '*', 'entry', ARGV[i], 'mac', ARGV[i + 1])
  end
  return 1
end

-- KEYS lease · ARGV owner, milliseconds. Returns 1 to its holder.
if what == 'hold' then
  if redis.call('GET', KEYS[1]) == ARGV[2] then
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return 1
  end
  return redis.call('SET', KEYS[1], ARGV[2], 'NX', 'PX', ARGV[3]) and 1 or 0
end

-- KEYS lease · ARGV owner.
if what == 'release' then
  if redis.call('GET', KEYS[1]) == ARGV[2] then
    redis.call('DEL', KEYS[1])
  end
  return 1
end

-- KEYS intake, lease, head · ARGV owner, head, entry ids. Returns 0 to who holds the lease no more.
if what == 'trim' then
  if redis.call('GET', KEYS[2]) ~= ARGV[2] then
    return 0
  end
  redis.call('SET', KEYS[3], ARGV[3])
  if ARGV[4] then
    redis.call('XDEL', KEYS[1], unpack(ARGV, 4)) -- a batch at most, far fewer than Lua can unpack
  end
  return 1
end

return redis.error_reply('no such call')
