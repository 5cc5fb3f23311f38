-- One atomic write to what shares a hash tag: requirements, commands, then events with consecutive
-- numbers. Either all of it happens or none of it.
--
-- KEYS[1] hash with `seq`; KEYS[2] stream; further KEYS are those that the commands name.
-- ARGV: in MessagePack the time in ms, the seconds to keep the stream, how many of its channel's
-- subscribers need not be told, the number of commands, the number that `seq` has reached at least,
-- how many numbers to leave out, and the requirements, each an expected answer and the words of a
-- command; then
--   commands: for each the number of words, and the words ("@next" is the first event's number)
--   events:   each as JSON, to the end
-- Gives {1, number of the last event}, or {0, index of the requirement not met, the actual answer};
-- the index is -1 when `seq` is behind.
local now, retention, own, command_count, reached, leap, requirements =
    unpack(cmsgpack.unpack(ARGV[1]))
now = string.format('%.0f', now)
local at = 2

local function take()
    at = at + 1
    return ARGV[at - 1]
end

local function take_words(next_seq)
    local words = {}
    for i = 1, tonumber(take()) do
        local word = take()
        if word == '@next' then word = next_seq end
        words[i] = word
    end
    return words
end

for i, requirement in ipairs(requirements) do
    local actual = redis.call(unpack(requirement[2]))
    if not actual then actual = '' end
    actual = tostring(actual)
    if actual ~= requirement[1] then return {0, i - 1, actual} end
end

local seq = tonumber(redis.call('HGET', KEYS[1], 'seq') or 0)
if seq < reached then return {0, -1, tostring(seq)} end
seq = seq + leap
local next_seq = string.format('%d', seq + 1)

for _ = 1, command_count do
    redis.call(unpack(take_words(next_seq)))
end

local count = #ARGV - at + 1
if count > 0 then
    local is_heard = redis.call('PUBSUB', 'NUMSUB', KEYS[2])[2] > own
    for i = 1, count do
        local event = take()
        local id = string.format('%d', seq + i)
        redis.call('XADD', KEYS[2], id .. '-0', 't', now, 'e', event)
        if is_heard then
            redis.call('PUBLISH', KEYS[2], id .. ' ' .. now .. ' ' .. event)
        end
    end
    redis.call('HSET', KEYS[1], 'seq', string.format('%d', seq + count))
    redis.call('EXPIRE', KEYS[2], retention)
end
return {1, seq + count}
