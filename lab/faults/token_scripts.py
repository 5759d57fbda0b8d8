"""Lua scripts for token faults that Envoy's own JWT filter cannot be configured to have."""

from __future__ import annotations

from collections.abc import Sequence

from lab.mesh.envoy import jwt

HONEST_SKEW_S = 60

DECODE = """
local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local function decode(text)
  local bits, bytes = {}, {}
  for letter in text:gmatch("[%w_-]") do
    local value = digits:find(letter, 1, true) - 1
    for power = 5, 0, -1 do bits[#bits + 1] = math.floor(value / 2 ^ power) % 2 end
  end
  for start = 1, #bits - 7, 8 do
    local byte = 0
    for place = start, start + 7 do byte = byte * 2 + bits[place] end
    bytes[#bytes + 1] = string.char(byte)
  end
  return table.concat(bytes)
end
"""


def accepting(algorithm: str, issuers: Sequence[str]) -> str:
    """Before the token filter: a token of this algorithm counts as verified if its claims are in order.

    The filter then sees no token, and what comes after it sees the claims where the filter leaves them.
    """
    issued = " or ".join(f'iss == "{issuer}"' for issuer in issuers)
    return f"""{DECODE}
function envoy_on_request(handle)
  local header, payload =
    (handle:headers():get("authorization") or ""):match("^Bearer ([%w_-]+)%.([%w_-]+)%.[%w_-]*$")
  if not header then return end
  local claims, now = decode(payload), os.time()
  local algorithm = decode(header):match('"alg" *: *"([^"]*)"')
  local iss, sub = claims:match('"iss" *: *"([^"]*)"'), claims:match('"sub" *: *"([^"]*)"')
  local exp, nbf = tonumber(claims:match('"exp" *: *(%d+)')), tonumber(claims:match('"nbf" *: *(%d+)'))
  if algorithm ~= "{algorithm}" or not ({issued}) then return end
  if exp and exp < now - {HONEST_SKEW_S} or nbf and nbf > now + {HONEST_SKEW_S} then return end
  if claims:find('"aud"', 1, true) then return end
  handle:headers():remove("authorization")
  handle:streamInfo():dynamicMetadata():set("{jwt.NAME}", "{jwt.PAYLOAD}", {{iss = iss, sub = sub}})
end
"""


def refusing(condition: str) -> str:
    """After the token filter: 401 if a condition on the claims `exp` and `nbf` and on `now` holds."""
    claim = condition.partition(" ")[0]
    return f"""
function envoy_on_request(handle)
  local found, now = handle:streamInfo():dynamicMetadata():get("{jwt.NAME}"), os.time()
  local {claim} = found and found["{jwt.PAYLOAD}"] and found["{jwt.PAYLOAD}"]["{claim}"]
  if {claim} and {condition} then handle:respond({{[":status"] = "401"}}, "") end
end
"""


def refusing_with(condition: str) -> str:
    """After the token filter: 401 if a condition holds of the `claims` of a verified token, and of `now`."""
    return f"""
function envoy_on_request(handle)
  local found, now = handle:streamInfo():dynamicMetadata():get("{jwt.NAME}"), os.time()
  local claims = found and found["{jwt.PAYLOAD}"]
  if claims and ({condition}) then handle:respond({{[":status"] = "401"}}, "") end
end
"""
