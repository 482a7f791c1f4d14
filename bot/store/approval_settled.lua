-- All is done that a revision of an approval asked for: its clock goes on, unless somebody has changed it since.
-- KEYS approval, due; ARGV job, revision, when its clock has something to do ('' for never)
if redis.call('HGET', KEYS[1], 'revision') ~= ARGV[2] then
  return 0
end
if ARGV[3] == '' then
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
end
return 1
