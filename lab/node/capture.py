"""Traffic capture of a pod with a sidecar: incoming goes to port 15006 of the proxy, outgoing to 15001.

The proxy's own traffic is told from the application's by a mark on its sockets (SO_MARK). The usual way, by
user id, needs a second user, which a rootless lab has not.
"""

from __future__ import annotations

PROXY_MARK = 0x539
"""SO_MARK of every upstream socket of the proxy (the number 1337, the user id of proxies elsewhere)."""

INBOUND_PORT = 15006
OUTBOUND_PORT = 15001

# Tunnel, health and statistics ports of the proxy itself.
_PROXY_PORTS = (15008, 15020, 15021, 15090)

CAPTURE_RULES = f"""\
table ip capture {{
  chain inbound {{
    type nat hook prerouting priority dstnat; policy accept;
    tcp dport {{ {", ".join(map(str, _PROXY_PORTS))} }} return
    meta l4proto tcp redirect to :{INBOUND_PORT}
  }}
  chain outbound {{
    type nat hook output priority -100; policy accept;
    # From the proxy's inbound side to the application.
    oifname "lo" ip saddr 127.0.0.6 return
    # From the proxy's outbound side to its own pod: through the inbound side, as for any other server.
    oifname "lo" ip daddr != 127.0.0.1 meta l4proto tcp meta mark {PROXY_MARK:#x} redirect to :{INBOUND_PORT}
    # The application talking to itself.
    oifname "lo" meta mark != {PROXY_MARK:#x} return
    meta mark {PROXY_MARK:#x} return
    ip daddr 127.0.0.1 return
    meta l4proto tcp redirect to :{OUTBOUND_PORT}
  }}
}}
"""
