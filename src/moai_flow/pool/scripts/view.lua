-- Reply with all there is and change nothing: the answer, the sessions and the leases as they are stored.

if keys_period == period then
  local head = redis.call('HMGET', KEYS[1], 'epoch', 'born')
  epoch, born = figure(head[1]), figure(head[2])
end
local consumed, leased, leases = {}, {}, redis.call('HGETALL', KEYS[3])
for i = 2, #leases, 2 do
  local tokens, expires, _, swarm = split_lease(leases[i])
  if expires > now and tokens > 0 then leased[swarm] = (leased[swarm] or 0) + tokens end
end
local flat = { {}, {} }
for place, figures in ipairs({ consumption(), leased }) do
  for swarm, tokens in pairs(figures) do
    table.insert(flat[place], swarm)
    table.insert(flat[place], whole(tokens))
  end
end
return { keys_period == period and 'ok' or 'period', whole(now), whole(period), whole(epoch), whole(born), '0', '0',
  flat[1], flat[2], redis.call('HGETALL', KEYS[2]) }
