-- The right to change the whole state, in the order of asking: whoever has it leaves a baton in the list for the one
-- that waits longest (BLPOP serves in that order). A claim that nobody gives back is over after its time.
--
-- KEYS: claim (string), baton (list)
-- ARGV: take | follow (with the baton) | give, who, milliseconds
-- Replies 1 if the claim is theirs (given back), else 0.

local claim = redis.call('GET', KEYS[1])
if ARGV[1] == 'give' then
  if claim ~= ARGV[2] then return 0 end
  -- Held for whoever takes the baton, so that nobody who has just come steps in between.
  redis.call('SET', KEYS[1], 'passing', 'PX', 100)
  redis.call('DEL', KEYS[2])
  redis.call('RPUSH', KEYS[2], '1')
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  return 1
end
local is_free = not claim or (claim == 'passing' and ARGV[1] == 'follow')
if not is_free then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1
