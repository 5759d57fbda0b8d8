"""Validation of networking.istio.io by kind, as Istio's webhook does it."""

from __future__ import annotations

from lab.mesh.config.networking import decoding, destination_rule, gateway, virtual_service
from lab.mesh.config.networking.destination_admission import review_destination_rule
from lab.mesh.config.networking.gateway_admission import review_gateway
from lab.mesh.config.networking.virtual_service_admission import review_virtual_service

DECODING = {
    destination_rule.KEY: (decoding.review_decoding(decoding.DESTINATION_RULE),),
    virtual_service.KEY: (decoding.review_decoding(decoding.VIRTUAL_SERVICE),),
}
"""Comes before everything else."""

REVIEWS = {
    destination_rule.KEY: review_destination_rule,
    gateway.KEY: review_gateway,
    virtual_service.KEY: review_virtual_service,
}
