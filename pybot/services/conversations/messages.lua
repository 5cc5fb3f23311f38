-- Consecutive messages of one path, with what the history has of them.
-- KEYS[1] the conversation's branches; KEYS[2] its messages. ARGV: the prefixes of the keys of its
-- histories, indexes and versions, the number up to which its log is looked at, and then either the
-- branch at the path's end with the positions [start, stop), or the ID of one message.
-- A path is a chain of branches; each holds what comes after the position where it leaves its parent.
-- Gives for each branch that has some of them, from the path's end to its start:
-- {{message ID, message, its place among its versions, how many these are} ..., {entry ...}},
-- entries newest first.
local histories, indexes, versions, until_number = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local branch, start, stop = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
if not start then
    local message = redis.call('HGET', KEYS[2], branch)
    if not message then return {} end
    message = cjson.decode(message)
    branch, start, stop = message.branch, message.position, message.position + 1
end

local function described(id, message)
    local parent = message.parent_id
    local key = versions .. (type(parent) == 'string' and parent or '')
    local count = redis.call('ZCOUNT', key, '-inf', until_number)
    return {id, message.json, redis.call('ZRANK', key, id) or 0, count}
end

local function read(id)
    local json = redis.call('HGET', KEYS[2], id)
    local message = json and cjson.decode(json) or {}
    message.json = json
    return message
end

local found = {}
while branch and stop > start do
    local record = redis.call('HGET', KEYS[1], branch)
    local fork, parent = 0, false
    if record then
        record = cjson.decode(record)
        fork, parent = record.fork, record.parent
    end
    local first = math.max(start, fork)
    if stop > first then
        -- One more than is wanted: where its entries begin, those of the last one end.
        local ids = redis.call('ZRANGE', indexes .. branch, first - fork, stop - fork)
        local messages, entries, from, beyond = {}, {}, nil, nil
        for i, id in ipairs(ids) do
            local message = read(id)
            if i == 1 then from = message.offset end
            if i > stop - first then
                beyond = message.offset
            else
                messages[i] = described(id, message)
            end
        end
        if from and not (beyond and beyond <= from) then
            local newest = beyond and -beyond or 0
            entries = redis.call('LRANGE', histories .. branch, newest, -(from + 1))
        end
        found[#found + 1] = {messages, entries}
    end
    branch, stop = parent, math.min(stop, fork)
end
return found
