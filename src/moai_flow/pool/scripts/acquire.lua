-- Set tokens aside for an agent if they fit: the check and the lease in one step.
-- ARGV[6] MACHINE/SESSION, ARGV[7] lease id, ARGV[8] swarm, ARGV[9] tokens, ARGV[10] duration (milliseconds)
-- ARGV[11], ARGV[12] limits of pool and swarm in tokens, '' for none; ARGV[13] how long a refusal is remembered

local word = admit()
if word then return answer(word) end

local member, id, swarm, tokens = ARGV[6], ARGV[7], ARGV[8], tonumber(ARGV[9])
local leased, consumed = live_leases(), consumption()
local kept = redis.call('HGET', KEYS[3], id)
if kept then
  local left, expires = split_lease(kept)
  return answer(left > 0 and 'granted' or 'ended', 0, expires)
end

local total = tokens
for _, figures in ipairs({ leased, consumed }) do
  for _, each in pairs(figures) do total = total + each end
end
local own = tokens + (leased[swarm] or 0) + (consumed[swarm] or 0)
local limit, swarm_limit = tonumber(ARGV[11]), tonumber(ARGV[12])
redis.call('PEXPIRE', KEYS[3], IDLE)
if (limit and total > limit) or (swarm_limit and own > swarm_limit) then
  -- A second copy of this request may come when there is room again, and nobody would end that lease.
  set_lease(id, 0, now + tonumber(ARGV[13]), member, '')
  return answer('refused')
end
local expires = now + tonumber(ARGV[10])
set_lease(id, tokens, expires, member, swarm)
redis.call('PEXPIRE', KEYS[3], IDLE)
return answer('granted', 0, expires)
