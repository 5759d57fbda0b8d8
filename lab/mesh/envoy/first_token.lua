-- Finds the token of a request that counts, the first one, and puts it alone where it will be verified.
--
-- What it needs to know is in the dynamic metadata: `header` (where to put the token), `bearer` (the issuers
-- whose tokens come in Authorization), `headers` and `parameters` (lists of name and issuers, in order). It adds
-- `allowed`: the issuers whose tokens may come where this one was.

local SETTINGS = "reference-mesh.tokens"
local BEARER = "Bearer "

local function in_authorization(headers, issuers)
  local value = headers:get("authorization")
  if #issuers > 0 and value ~= nil and value:sub(1, #BEARER) == BEARER then
    return value:sub(#BEARER + 1), issuers
  end
end

local function in_headers(headers, places)
  for _, place in ipairs(places) do
    local value = headers:getAtIndex(place.name, 0)
    if value ~= nil then
      local blank = value:find(" ", 1, true)
      return value:sub((blank or 0) + 1), place.issuers
    end
  end
end

local function in_query(headers, places)
  local query = (headers:get(":path") or ""):match("%?(.*)")
  if query == nil then
    return
  end
  local values = {}
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    values[name] = values[name] or value
  end
  for _, place in ipairs(places) do
    if values[place.name] ~= nil then
      return values[place.name], place.issuers
    end
  end
end

local function first(headers, settings)
  local token, allowed = in_authorization(headers, settings.bearer)
  if token == nil then
    token, allowed = in_headers(headers, settings.headers)
  end
  if token == nil then
    token, allowed = in_query(headers, settings.parameters)
  end
  return token, allowed
end

function envoy_on_request(handle)
  local headers = handle:headers()
  local metadata = handle:streamInfo():dynamicMetadata()
  local settings = metadata:get(SETTINGS)
  local token, allowed = first(headers, settings)
  if token ~= nil then
    headers:replace(settings.header, token)
    metadata:set(SETTINGS, "allowed", allowed)
  end
end
