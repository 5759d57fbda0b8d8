-- Refuses a request whose token does not satisfy every demand. Its signature and form have been verified, if its
-- claims are there.
--
-- What it needs to know is in the dynamic metadata: `demands` (lists of issuers, with the words of a refusal),
-- `audiences` by issuer, `skew` in seconds, and `allowed` (the issuers whose tokens may come where it was).

local SETTINGS = "reference-mesh.tokens"
local VERIFIED = "envoy.filters.http.jwt_authn"

local function contains(list, wanted)
  for _, each in ipairs(list or {}) do
    if each == wanted then
      return true
    end
  end
  return false
end

-- An audience is compared without its scheme and a slash at its end.
local function bare(audience)
  return (audience:gsub("^https?://", ""):gsub("/$", ""))
end

local function is_for_us(claims, audiences)
  if audiences == nil then
    return true
  end
  local claimed = type(claims.aud) == "table" and claims.aud or { claims.aud }
  for _, audience in ipairs(claimed) do
    if contains(audiences, bare(audience)) then
      return true
    end
  end
  return false
end

-- The issuer of a token that is good now; nil if there is no such token.
local function believed(claims, settings, now)
  if
    claims ~= nil
    and type(claims.exp) == "number"
    and claims.exp + settings.skew >= now
    and contains(settings.allowed, claims.iss)
    and is_for_us(claims, settings.audiences[claims.iss])
  then
    return claims.iss
  end
end

local function refusal(handle)
  local metadata = handle:streamInfo():dynamicMetadata()
  local settings = metadata:get(SETTINGS)
  local now = math.floor(handle:timestamp() / 1000)
  local issuer = believed((metadata:get(VERIFIED) or {}).payload, settings, now)
  for _, demand in ipairs(settings.demands) do
    if issuer == nil or not contains(demand.issuers, issuer) then
      return demand.refusal
    end
  end
end

function envoy_on_request(handle)
  -- A script that fails lets the request pass; this one must not.
  local sound, words = pcall(refusal, handle)
  if not sound then
    handle:logErr(words)
  end
  if words ~= nil then
    handle:respond({ [":status"] = "401", ["content-type"] = "text/plain" }, words)
  end
end
