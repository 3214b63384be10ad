-- Take a publication in place of the member's previous one.
-- ARGV[6] MACHINE/SESSION, ARGV[7] revision, ARGV[8] figures {SWARM: TOKENS}
-- ARGV[9] leases it holds [[id, swarm, tokens, expires]], ARGV[10] leases that are over [[id, expires]]

local word = admit()
if word then return answer(word) end

local member, revision, figures = ARGV[6], tonumber(ARGV[7]), cjson.decode(ARGV[8])
local before, kept = {}, redis.call('HGET', KEYS[2], member)
if kept then
  local old_revision, _, old_figures = string.match(kept, '^(%d+)|(%d+)|(.*)$')
  if figure(old_revision) > revision then return answer('stale', figure(old_revision)) end
  before = cjson.decode(old_figures)
end

-- The sums change by the difference, in this one step: they are always those of the sessions' own figures.
local function count(swarm, tokens)
  if tokens ~= 0 then redis.call('HINCRBY', KEYS[1], 'c:' .. swarm, whole(tokens)) end
end
for swarm, tokens in pairs(figures) do count(swarm, tokens - (before[swarm] or 0)) end
for swarm, tokens in pairs(before) do
  if not figures[swarm] then count(swarm, -tokens) end
end
redis.call('HSET', KEYS[2], member, ARGV[7] .. '|' .. whole(now) .. '|' .. ARGV[8])
outlive(KEYS[1])
outlive(KEYS[2])

live_leases()
for _, ended in ipairs(cjson.decode(ARGV[10])) do
  local there = redis.call('HGET', KEYS[3], ended[1])
  if there then
    local _, until_then, holder, swarm = split_lease(there)
    set_lease(ended[1], 0, until_then, holder, swarm)
  elseif ended[2] > now then
    set_lease(ended[1], 0, ended[2], member, '')
  end
end
for _, lease in ipairs(cjson.decode(ARGV[9])) do
  local id, swarm, tokens, expires = lease[1], lease[2], lease[3], lease[4]
  local there = redis.call('HGET', KEYS[3], id)
  if there then
    local left, until_then, holder, its_swarm = split_lease(there)
    if tokens < left then set_lease(id, tokens, until_then, holder, its_swarm) end
  elseif expires > now and tokens > 0 then
    -- This server has lost it: it comes back for the rest of its time.
    set_lease(id, tokens, expires, member, swarm)
  end
end
redis.call('PEXPIRE', KEYS[3], IDLE)
return answer('ok')
