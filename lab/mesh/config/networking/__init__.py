"""networking.istio.io: Gateway, VirtualService and DestinationRule, which both policy APIs have in common.

destination_rule, gateway, virtual_service   the objects, parsed
admission, *_admission                       validation, as Istio's webhook does it
unservable                                   what it accepts, but Envoy rejects
gateway_listeners                            the listeners and routes of a gateway's pod
upstreams                                    how a client reaches a service, given its rule
crds/                                        the resource definitions
"""
