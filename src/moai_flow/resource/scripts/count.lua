-- Count tokens of one swarm, all or nothing: what `Ledger` does for consume, record, reserve and release.
--
-- KEYS: state (hash), history (list), what this client did last (string), claim (string)
-- ARGV: number of the request, what to do, swarm, tokens, seconds since the epoch, tokens that swarms may use in all,
-- seconds for which the client is remembered
-- Replies 1 done, 0 refused, -1 wait for whoever has the claim, -2 figures beyond exact arithmetic here.

local EXACT = 9007199254740991

local last = redis.call('GET', KEYS[3])
if last and string.match(last, '^%d+') == ARGV[1] then return tonumber(string.match(last, '%d+$')) end
local claim = redis.call('GET', KEYS[4])
if claim and claim ~= 'passing' then return -1 end

local action, swarm, tokens = ARGV[2], ARGV[3], tonumber(ARGV[4])
local fields = redis.call('HMGET', KEYS[1], 'a:' .. swarm, 'c:' .. swarm, 'r:' .. swarm, 'total')
local function finish(result)
  redis.call('SET', KEYS[3], ARGV[1] .. ' ' .. result, 'EX', ARGV[7])
  return result
end
if not fields[1] then return finish(0) end
local allocated, consumed, reserved = tonumber(fields[1]), tonumber(fields[2]), tonumber(fields[3])
local total = tonumber(fields[4])
if consumed + tokens > EXACT or reserved + tokens > EXACT or total + tokens > EXACT or allocated > EXACT then
  return -2
end

local moved = tokens
if action == 'consume' then
  if consumed + reserved + tokens > allocated or total + tokens > tonumber(ARGV[6]) then return finish(0) end
elseif action == 'consume_reserved' then
  if tokens > reserved or total + tokens > tonumber(ARGV[6]) then return finish(0) end
  reserved, action = reserved - tokens, 'consume'
elseif action == 'reserve' then
  if tokens > math.max(0, allocated - consumed - reserved) then return finish(0) end
  reserved = reserved + tokens
elseif action == 'release' then
  moved = math.min(tokens, reserved)
  reserved = reserved - moved
end
if action == 'consume' or action == 'record' then
  consumed, total = consumed + tokens, total + tokens
end

local function whole(number) return string.format('%.0f', number) end
redis.call('HSET', KEYS[1], 'c:' .. swarm, whole(consumed), 'r:' .. swarm, whole(reserved), 'u:' .. swarm, ARGV[5],
  'total', whole(total))
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('RPUSH', KEYS[2], '[' .. ARGV[5] .. ',"' .. swarm .. '","' .. action .. '",' .. whole(moved) .. ']')
redis.call('LTRIM', KEYS[2], -50, -1)
return finish(1)
