-- Reads the members of the body's top-level object only. For every text that is valid JSON it sees what a JSON parser
-- sees; text that is not valid JSON may pass, and the engine then refuses it. An escape in a top-level key, a repeated
-- member, a NUL byte and a byte order mark are refused, because parsers differ on them.
-- Constants come from body.py: NAMESPACE, PREFIX_BYTES, BYTES_PER_TOKEN, DEFAULT_OUTPUT_TOKENS, RESERVED, KEPT_HEADERS.
local bit = require("bit")
local find, sub, byte = string.find, string.sub, string.byte
local HIGHEST = 1000000
local WANTED = {
  model = true, stream = true, n = true, max_tokens = true, max_completion_tokens = true,
  messages = true, prompt = true, input = true,
}
for member in pairs(RESERVED) do WANTED[member] = true end

local function fnv(text)
  local hash = 2166136261
  for i = 1, #text do
    hash = bit.bxor(hash, byte(text, i))
    hash = bit.tobit(hash + bit.lshift(hash, 1) + bit.lshift(hash, 4) + bit.lshift(hash, 7) + bit.lshift(hash, 8)
      + bit.lshift(hash, 24))
  end
  return bit.tohex(hash)
end

-- at: just after the opening quote; returns the position of the closing one. Plain finds run at memchr speed.
local function string_end(text, at)
  while true do
    at = find(text, '"', at, true)
    if not at then return nil end
    local before = at - 1
    while byte(text, before) == 92 do before = before - 1 end
    if (at - before) % 2 == 1 then return at end
    at = at + 1
  end
end

-- at: on "{" or "["; returns the position of its end.
local function nested_end(text, at)
  local depth, length = 0, #text
  while at <= length do
    local char = byte(text, at)
    if char == 34 then
      at = string_end(text, at + 1)
      if not at then return nil end
    elseif char == 123 or char == 91 then
      depth = depth + 1
    elseif char == 125 or char == 93 then
      depth = depth - 1
      if depth == 0 then return at end
    end
    at = at + 1
  end
  return nil
end

local function next_char(text, at) return find(text, "[^ \t\r\n]", at) end

-- Returns the wanted members as {first byte, start, end}, and the position of the closing brace; nil if not an object.
local function scan(text)
  if find(text, "\0", 1, true) then return nil end
  local at = next_char(text, 1)
  if not at or byte(text, at) ~= 123 then return nil end
  local members = {}
  at = next_char(text, at + 1)
  if at and byte(text, at) == 125 then
    if next_char(text, at + 1) then return nil end
    return members, at
  end
  while true do
    if not at or byte(text, at) ~= 34 then return nil end
    local key_end = string_end(text, at + 1)
    if not key_end then return nil end
    local key = sub(text, at + 1, key_end - 1)
    if find(key, "\\", 1, true) then return nil end
    at = next_char(text, key_end + 1)
    if not at or byte(text, at) ~= 58 then return nil end
    at = next_char(text, at + 1)
    if not at then return nil end
    local char, last = byte(text, at), nil
    if char == 34 then
      last = string_end(text, at + 1)
    elseif char == 123 or char == 91 then
      last = nested_end(text, at)
    else
      last = find(text, "[,} \t\r\n]", at)
      last = last and last - 1
    end
    if not last or last < at then return nil end
    if WANTED[key] then
      if members[key] then return nil end
      members[key] = { char, at, last }
    end
    at = next_char(text, last + 1)
    if not at then return nil end
    char = byte(text, at)
    if char == 125 then
      if next_char(text, at + 1) then return nil end
      return members, at
    end
    if char ~= 44 then return nil end
    at = next_char(text, at + 1)
  end
end

-- A number of tokens: absent or unreadable is 0, too high is the highest, so that no value makes a request free.
local function amount(text, member)
  if not member then return 0 end
  local first, last = member[2], member[3]
  if member[1] == 34 then first, last = first + 1, last - 1 end
  local value = tonumber(sub(text, first, last))
  if not value or not (value > 0) then return 0 end
  return math.min(value, HIGHEST)
end

local function cost(text, members, path)
  local answer = math.max(amount(text, members.max_tokens), amount(text, members.max_completion_tokens))
  if path == "/v1/embeddings" then
    answer = 0
  elseif answer == 0 then
    answer = DEFAULT_OUTPUT_TOKENS
  end
  local answers = math.max(1, math.min(amount(text, members.n), 128))
  return tostring(math.floor(math.ceil(answer) * math.ceil(answers) + #text / BYTES_PER_TOKEN + 1))
end

local function drop_headers(headers)
  local unknown = {}
  for name in pairs(headers) do
    if not KEPT_HEADERS[name] and byte(name, 1) ~= 58 then unknown[#unknown + 1] = name end
  end
  for _, name in ipairs(unknown) do headers:remove(name) end
end

function envoy_on_request(handle)
  if handle:headers():get(":method") ~= "POST" then return end
  local body = handle:body() -- suspends: nothing taken before this line may be used after it
  local headers = handle:headers()
  local metadata = handle:streamInfo():dynamicMetadata()
  local function verdict(name) metadata:set(NAMESPACE, "verdict", name) end
  local length = body and body:length() or 0
  if length == 0 then return verdict("no_model") end
  local text = body:getBytes(0, length)
  local members, closing = scan(text)
  if not members then return verdict("bad_json") end
  local model = members.model
  if not model or model[1] ~= 34 or model[3] - model[2] < 2 or model[3] - model[2] > 256 then return verdict("no_model") end
  local name = sub(text, model[2] + 1, model[3] - 1)
  if find(name, "\\", 1, true) then return verdict("no_model") end
  for member in pairs(RESERVED) do
    if members[member] then return verdict("reserved_member") end
  end
  drop_headers(headers)
  local client = headers:get("x-client-id")
  local prompt = members.messages or members.prompt or members.input
  local start = prompt and prompt[2] or 1
  headers:replace("x-cloister-affinity", fnv(client .. "\0" .. sub(text, start, start + PREFIX_BYTES - 1)))
  headers:replace("x-cloister-cost", cost(text, members, headers:get(":path")))
  local salted = sub(text, 1, closing - 1) .. ',"cache_salt":"cloister:' .. client .. '"}'
  body:setBytes(salted)
  headers:replace("content-length", tostring(#salted))
  metadata:set(NAMESPACE, "stream", members.stream ~= nil and sub(text, members.stream[2], members.stream[3]) == "true")
  metadata:set(NAMESPACE, "model", name)
  verdict("ok") -- last: without it the next filter refuses
  handle:clearRouteCache()
end
