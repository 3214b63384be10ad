-- Take the pool's consumption back to 0: what was published before this epoch no longer counts. Leases go on.
-- The reply tells what was consumed until now.

if keys_period ~= period then return answer('period') end
open()
local before = answer('ok')
adopt(math.max(epoch + 1, now))
before[4] = whole(epoch)
return before
