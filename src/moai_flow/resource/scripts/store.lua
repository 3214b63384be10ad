-- Replace the whole state, if it is still the one that was read.
--
-- KEYS: as for count.lua
-- ARGV: number of the request, seconds for which the client is remembered, who may have the claim ('' for nobody),
-- version that was read, number of fields and values that follow, those, and the entries of the history
-- Replies 1 done, -1 wait for whoever has the claim, -2 it is no longer what was read.

local last = redis.call('GET', KEYS[3])
if last and string.match(last, '^%d+') == ARGV[1] then return 1 end
local claim = redis.call('GET', KEYS[4])
if claim and claim ~= 'passing' and claim ~= ARGV[3] then return -1 end
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[4] then return -2 end

local first = 6
local after = first + tonumber(ARGV[5])
redis.call('DEL', KEYS[1], KEYS[2])
-- Lua passes some 8,000 values to a call at most.
for from = first, after - 1, 2000 do
  redis.call('HSET', KEYS[1], unpack(ARGV, from, math.min(from + 1999, after - 1)))
end
if ARGV[after] then redis.call('RPUSH', KEYS[2], unpack(ARGV, after)) end
redis.call('SET', KEYS[3], ARGV[1] .. ' 1', 'EX', ARGV[2])
return 1
