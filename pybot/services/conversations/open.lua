-- What is opened of a conversation, as of one instant and at constant cost.
-- KEYS[1] the conversation's hash; KEYS[2] its kernel; ARGV[1] the prefix of its runs' keys.
-- Gives {the hash, the hash of its active run or {}, its kernel or nil}.
local conversation = redis.call('HGETALL', KEYS[1])
local run = {}
for i = 1, #conversation, 2 do
    if conversation[i] == 'active_run' and conversation[i + 1] ~= '' then
        run = redis.call('HGETALL', ARGV[1] .. string.match(conversation[i + 1], '[^.]+$'))
    end
end
return {conversation, run, redis.call('GET', KEYS[2])}
