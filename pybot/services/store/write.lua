-- One atomic write to what shares a hash tag: requirements, commands, then events with consecutive
-- numbers. Either all of it happens or none of it.
--
-- KEYS[1] hash with `seq`; KEYS[2] stream; further KEYS are those that the commands name.
-- ARGV: the time in ms, seconds to keep the stream, then three counted lists:
--   requirements: count, then for each: expected answer, number of words, words
--   commands:     count, then for each: number of words, words ("@next" is the first event's number)
--   events:       count, then each as JSON
-- Gives {1, number of the last event}, or {0, index of the requirement not met, the actual answer}.
local at = 3

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

local seq = tonumber(redis.call('HGET', KEYS[1], 'seq') or 0)
local next_seq = string.format('%d', seq + 1)

for i = 1, tonumber(take()) do
    local expected = take()
    local actual = redis.call(unpack(take_words(next_seq)))
    if not actual then actual = '' end
    actual = tostring(actual)
    if actual ~= expected then return {0, i - 1, actual} end
end

for _ = 1, tonumber(take()) do
    redis.call(unpack(take_words(next_seq)))
end

local count = tonumber(take())
if count > 0 then
    for i = 1, count do
        local event = take()
        local id = string.format('%d', seq + i)
        redis.call('XADD', KEYS[2], id .. '-0', 't', ARGV[1], 'e', event)
        redis.call('PUBLISH', KEYS[2], id .. ' ' .. ARGV[1] .. ' ' .. event)
    end
    redis.call('HSET', KEYS[1], 'seq', string.format('%d', seq + count))
    redis.call('EXPIRE', KEYS[2], ARGV[2])
end
return {1, seq + count}
