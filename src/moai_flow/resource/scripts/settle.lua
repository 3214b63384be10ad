-- Say what became of a request whose answer was lost, and see that it does not happen any more if it has not.
-- KEYS[1] what this client did last; ARGV[1] number of the request, ARGV[2] seconds for which it is remembered
-- Replies -1 it was not made, else its result.

local last = redis.call('GET', KEYS[1])
if last and string.match(last, '^%d+') == ARGV[1] then return tonumber(string.match(last, '%-?%d+$')) end
redis.call('SET', KEYS[1], ARGV[1] .. ' -1', 'EX', ARGV[2])
return -1
