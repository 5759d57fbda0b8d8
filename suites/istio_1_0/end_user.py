"""What the sections about tokens share: requests without and with a token, at the ingress and among the pods.

At the ingress, grids have tokens as rows (`fixtures/tokens/named_tokens.py` says what each is) and paths as
columns. Among the pods they have clients as rows and servers as columns.

Slips of the document, and what is done instead:

- `$TOKEN` of "the test command above will still work" and of the requests after it is the one that expired
  5 s after it was made. "Given the correct token" needs one that has not.
- "Use istio create" means istioctl. `kubectl apply` serves both a policy that is there and one that is not.
- Cleanup part 3 deletes `policy jwt-example` and `policy httpbin` in the namespace `default`. Both are in
  foo, and the second is a destination rule: typed as printed, neither is found, and both stay in force. Here
  they are deleted.
"""

from __future__ import annotations

EXPOSED = ("istio-1.0/httpbin-gateway.yaml",)

OPEN_TO_ALL = """
                    /headers    /ip
        none        200         200
        deadbeef    200         200
        valid       200         200
"""

# Whatever is asked for: with a query behind it, further down, by another method.
TOKEN_REQUIRED = """
                    /headers    /ip     /headers?a=b    /anything/else  POST:/post
        none        401         401     401             401             401
        deadbeef    401         401     401             401             401
        valid       200         200     200             200             200
"""
