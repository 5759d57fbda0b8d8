"""From the model to Envoy resources: pure functions, proto3 JSON out."""
