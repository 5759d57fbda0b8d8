"""networking.istio.io: Gateway, VirtualService and DestinationRule, which both policy APIs have in common.

destination_rule, gateway, virtual_service   what the objects declare
admission, *_admission                       what Istio's webhook refuses of them
unservable                                   what it takes, and no proxy does
gateway_listeners                            what a gateway's pod listens on, and where its requests go
upstreams                                    how a client reaches a service, once it is known what it is told
crds/                                        the resource definitions
"""
