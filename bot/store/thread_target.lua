-- Gives what is kept of a thread another span, unless somebody has changed it.
-- KEYS the thread's; ARGV its value as it was read, its next value, the span in seconds
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
