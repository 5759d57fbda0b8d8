"""Names and addresses that are the same in every cluster of a lab."""

from __future__ import annotations

from ipaddress import IPv4Network

CLUSTER_DOMAIN = "cluster.local"
"""The DNS domain; the trust domain of a mesh may be another one."""
CLUSTER_IPS = IPv4Network("10.96.0.0/16")
API_SERVER_IP = "10.96.0.1"
"""Of the Service `kubernetes` in `default`."""
