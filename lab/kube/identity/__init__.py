"""Who is asking: keys and certificates, tokens, and what may be asked."""
