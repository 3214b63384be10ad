-- Count tokens of one swarm, all or nothing: what `Ledger` does for consume, record, reserve and release.
--
-- KEYS: state (hash), history (list), what this client did last (string), claim (string)
-- ARGV[1], in one text because each argument costs the client 2 microseconds: number of the request, what to do,
-- swarm, tokens, seconds since the epoch, tokens that swarms may use in all, seconds the client is remembered for
-- ARGV[2] who may have the claim, missing for nobody
-- Replies 1 done, 0 refused, -1 wait for whoever has the claim, -2 not to be done here: figures
-- beyond exact arithmetic, or a threshold is crossed.

local EXACT = 9007199254740991
local number, action, swarm, tokens, clock, most, remembered =
  string.match(ARGV[1], '^(%d+) (%S+) (%S+) (%d+) (%S+) (%d+) (%d+)$')
tokens = tonumber(tokens)

local held = redis.call('MGET', KEYS[3], KEYS[4])
local last, claim = held[1], held[2]
if last and string.match(last, '^%d+') == number then return tonumber(string.match(last, '%d+$')) end
if claim and claim ~= 'passing' and claim ~= ARGV[2] then return -1 end

local fields = redis.call('HMGET', KEYS[1], 'a:' .. swarm, 'c:' .. swarm, 'r:' .. swarm, 'total', 'version',
  'n:' .. swarm)
local function finish(result)
  redis.call('SET', KEYS[3], number .. ' ' .. result, 'EX', remembered)
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
  if consumed + reserved + tokens > allocated or total + tokens > tonumber(most) then return finish(0) end
elseif action == 'consume_reserved' then
  if tokens > reserved or total + tokens > tonumber(most) then return finish(0) end
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
  -- A threshold that is crossed is counted by the library's own code: a swarm does that twice at most.
  local percent, level = consumed * 100 / allocated, 0
  if percent >= 90 then level = 2 elseif percent >= 75 then level = 1 end
  if level > tonumber(fields[6] or 0) then return -2 end
end

local function whole(number) return string.format('%.0f', number) end
redis.call('HSET', KEYS[1], 'c:' .. swarm, whole(consumed), 'r:' .. swarm, whole(reserved), 'u:' .. swarm, clock,
  'total', whole(total), 'version', whole(tonumber(fields[5]) + 1))
local entries = redis.call('RPUSH', KEYS[2], '[' .. clock .. ',"' .. swarm .. '","' .. action .. '",' .. whole(moved) .. ']')
if entries >= 100 then redis.call('LTRIM', KEYS[2], -50, -1) end
return finish(1)
