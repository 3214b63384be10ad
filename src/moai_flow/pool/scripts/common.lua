-- What the scripts of a pool share. The rules are those of accounts.py; a test holds the two to each other.
--
-- KEYS[1] sums: epoch, born, "c:SWARM" tokens published, "f:SWARM" tokens known to have been consumed at least
-- KEYS[2] sessions: MACHINE/SESSION -> "REVISION|SEEN|{SWARM: TOKENS}"
-- KEYS[3] leases: id -> "TOKENS|EXPIRES|MACHINE/SESSION|SWARM"; without tokens it is a mark of an end
-- ARGV[1..4] period that the keys are of, its length and shift (seconds), epoch of the member
-- ARGV[5] what the member knows of the pool's consumption: {SWARM: TOKENS}
-- Times are milliseconds of this server's clock.

local IDLE = 30 * 86400000 -- how long the keys of a pool without periods outlive the last word of them

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local keys_period, length, shift = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local period = 0
if length > 0 then period = math.floor((now / 1000 + shift) / length) end

local function whole(number) return string.format('%.0f', number) end

local function figure(text) return tonumber(text or 0) or 0 end

local function split_lease(value)
  local tokens, expires, member, swarm = string.match(value, '^(%d+)|(%d+)|([^|]*)|([^|]*)$')
  return figure(tokens), figure(expires), member, swarm
end

local function set_lease(id, tokens, expires, member, swarm)
  redis.call('HSET', KEYS[3], id, whole(tokens) .. '|' .. whole(expires) .. '|' .. member .. '|' .. swarm)
end

local function outlive(key)
  if length > 0 then
    redis.call('PEXPIREAT', key, whole(((period + 1) * length - shift) * 1000))
  else
    redis.call('PEXPIRE', key, IDLE)
  end
end

local epoch, born = 0, 0

-- Forget what was published before a reset that this server did not know, or has lost.
local function adopt(newer)
  redis.call('DEL', KEYS[1], KEYS[2])
  epoch = newer
  redis.call('HSET', KEYS[1], 'epoch', whole(epoch), 'born', whole(born))
  outlive(KEYS[1])
end

local function open()
  local head = redis.call('HMGET', KEYS[1], 'epoch', 'born')
  epoch, born = figure(head[1]), figure(head[2])
  if born == 0 then
    born = now
    redis.call('HSET', KEYS[1], 'epoch', '0', 'born', whole(born))
    outlive(KEYS[1])
  end
end

-- Return nil if the member counts from where this server does, else the word for what is different.
local function admit()
  if keys_period ~= period then return 'period' end
  open()
  local theirs = tonumber(ARGV[4])
  if theirs < epoch then return 'epoch' end
  if theirs > epoch then adopt(theirs) end
  for swarm, tokens in pairs(cjson.decode(ARGV[5])) do
    local field = 'f:' .. swarm
    if tokens > figure(redis.call('HGET', KEYS[1], field)) then
      redis.call('HSET', KEYS[1], field, whole(tokens))
    end
  end
  return nil
end

-- End the leases whose time is over; return what is left of the others: {SWARM: TOKENS}.
local function live_leases()
  local all, leased = redis.call('HGETALL', KEYS[3]), {}
  for i = 1, #all, 2 do
    local tokens, expires, _, swarm = split_lease(all[i + 1])
    if expires <= now then
      redis.call('HDEL', KEYS[3], all[i])
    elseif tokens > 0 then
      leased[swarm] = (leased[swarm] or 0) + tokens
    end
  end
  return leased
end

local function consumption()
  local all, consumed = redis.call('HGETALL', KEYS[1]), {}
  for i = 1, #all, 2 do
    local kind, swarm = string.sub(all[i], 1, 2), string.sub(all[i], 3)
    if kind == 'c:' or kind == 'f:' then
      consumed[swarm] = math.max(consumed[swarm] or 0, figure(all[i + 1]))
    end
  end
  return consumed
end

-- What every script replies: word, now, period, epoch, born, revision, expires, consumed, leased (flat lists).
local function answer(word, revision, expires)
  local consumed, leased = {}, {}
  if keys_period == period then
    for swarm, tokens in pairs(consumption()) do
      consumed[#consumed + 1] = swarm
      consumed[#consumed + 1] = whole(tokens)
    end
    for swarm, tokens in pairs(live_leases()) do
      leased[#leased + 1] = swarm
      leased[#leased + 1] = whole(tokens)
    end
  end
  return { word, whole(now), whole(period), whole(epoch), whole(born), whole(revision or 0), whole(expires or 0),
    consumed, leased }
end
