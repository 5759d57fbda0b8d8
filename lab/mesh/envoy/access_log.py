"""One line on the proxy's standard output for each request or connection."""

from __future__ import annotations

from lab.mesh.envoy.proto import Message, extension

HTTP_FORMAT = (
    '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE%'
    " %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%"
    ' "%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION%'
    ' "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER% %DOWNSTREAM_LOCAL_ADDRESS%'
    " %DOWNSTREAM_REMOTE_ADDRESS% %FILTER_CHAIN_NAME% %DOWNSTREAM_PEER_URI_SAN%\n"
)

CONNECTION_FORMAT = (
    '[%START_TIME%] "- - -" 0 %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS%'
    ' "%DOWNSTREAM_TRANSPORT_FAILURE_REASON% %UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED%'
    ' %BYTES_SENT% %DURATION% "%REQUESTED_SERVER_NAME%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER%'
    " %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %FILTER_CHAIN_NAME%"
    " %DOWNSTREAM_PEER_URI_SAN%\n"
)


def of_requests() -> list[Message]:
    return [_stdout(HTTP_FORMAT)]


def of_connections() -> list[Message]:
    return [_stdout(CONNECTION_FORMAT)]


def of_refused_connections() -> list[Message]:
    """For connections that match no filter chain, which only the listener itself can log (flag NR)."""
    no_route = {"response_flag_filter": {"flags": ["NR"]}}
    return [_stdout(CONNECTION_FORMAT) | {"filter": no_route}]


def _stdout(text: str) -> Message:
    return extension(
        "envoy.access_loggers.stdout",
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        log_format={"text_format_source": {"inline_string": text}},
    )
