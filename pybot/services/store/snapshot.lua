-- Everything that a conversation's snapshot needs, as of one instant.
-- KEYS[1] conversation hash; ARGV: the prefixes of the keys of its runs, log, kernel and index.
-- Gives {conversation, run or {}, log since the run began or {}, kernel or nil, message count}.
local conversation = redis.call('HGETALL', KEYS[1])
local fields = {}
for i = 1, #conversation, 2 do fields[conversation[i]] = conversation[i + 1] end
if not fields['pk'] then return {{}, {}, {}, false, 0} end

local run, log = {}, {}
local active = fields['active_run']
if active ~= '' then
    run = redis.call('HGETALL', ARGV[1] .. string.match(active, '[^.]+$'))
    local first = redis.call('HGET', ARGV[1] .. string.match(active, '[^.]+$'), 'first_seq')
    if first then log = redis.call('XRANGE', ARGV[2], first .. '-0', '+') end
end
local kernel = redis.call('GET', ARGV[3])
local count = redis.call('ZCARD', ARGV[4] .. fields['path'])
return {conversation, run, log, kernel, count}
