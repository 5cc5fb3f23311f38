-- One atomic write to what shares a hash tag: requirements, commands, then events with consecutive
-- numbers. Either all of it happens or none of it.
--
-- KEYS[1] hash with `seq`; KEYS[2] stream; further KEYS are those that the commands name.
-- ARGV[1], in MessagePack: the time in ms, the seconds to keep the stream, how many of its channel's
-- subscribers need not be told, the number that `seq` has reached at least, how many numbers to
-- leave out, the requirements (each an expected answer and the words of a command), and for each
-- command its kind ("call" a Redis command, "rank" place a member: key, member, ms, what is added to
-- its score), how many words it has, and which of them is the first event's number (0: none).
-- The further ARGV are the words of the commands, and then each event as JSON.
-- Gives {1, number of the last event}, or {0, index of the requirement not met, the actual answer};
-- the index is -1 when `seq` is behind.
local now, retention, own, reached, leap, requirements, commands = unpack(cmsgpack.unpack(ARGV[1]))
now = string.format('%.0f', now)

-- Put a member where no other is, behind all others of the same ms; scores are in microseconds, and
-- those of upper members have UPPER more.
local UPPER = 4e15
local function rank(key, member, milliseconds, offset)
    local score = milliseconds * 1000
    local present = redis.call('ZSCORE', key, member)
    if present and tonumber(present) % UPPER >= score then return end
    score = score + offset
    local last =
        redis.call('ZREVRANGEBYSCORE', key, score + 999, score, 'WITHSCORES', 'LIMIT', 0, 1)
    if last[2] then score = tonumber(last[2]) + 1 end
    while redis.call('ZCOUNT', key, score, score) > 0 do score = score + 1 end
    redis.call('ZADD', key, string.format('%.0f', score), member)
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

local at = 2
for _, command in ipairs(commands) do
    local kind, length, number_at = unpack(command)
    local words = {}
    for i = 1, length do words[i] = ARGV[at + i - 1] end
    if number_at > 0 then words[number_at] = string.format('%d', seq + 1) end
    if kind == 'rank' then
        rank(words[1], words[2], tonumber(words[3]), tonumber(words[4]))
    else
        redis.call(unpack(words))
    end
    at = at + length
end

local count = #ARGV - at + 1
if count > 0 then
    local is_heard = redis.call('PUBSUB', 'NUMSUB', KEYS[2])[2] > own
    for i = 1, count do
        local event = ARGV[at + i - 1]
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
