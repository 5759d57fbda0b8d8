"""Identity: keys and certificates, ServiceAccount tokens, authentication and authorization."""
