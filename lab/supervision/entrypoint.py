"""The first process in the lab's namespaces.

It forks at once, while it is small: the parent stays as process 1 (lab.node.processes.pid1), the child
becomes the supervisor. When either ends, the other one and all other processes of the lab end, too.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
from collections.abc import Iterator
from typing import NoReturn

from lab.config import LabConfig
from lab.node.images import apps
from lab.node.processes import pid1
from lab.node.processes.prepared import Prepared


@contextlib.contextmanager
def _no_certificates() -> Iterator[None]:
    """aiohttp reads all authorities that this machine trusts as it is imported, which takes 40 ms.

    Who has to verify a server reads them when there is one (`lab.mesh.control_plane.jwks`,
    `lab.kube.webhooks.webhook_client`).
    """
    before = {name: os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    os.environ.update(dict.fromkeys(before, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def main() -> NoReturn:
    config = LabConfig.from_json(sys.argv[1])
    # The lab's files, in a directory that is its owner's alone, are shown to containers of any user.
    os.umask(0o022)
    for fd in config.descriptors:
        os.set_inheritable(fd, False)
    ours, supervisors = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        ours.close()
        # Next to nothing that a start makes is garbage: the supervisor has the collector work from then on.
        gc.disable()
        with _no_certificates():
            from lab.supervision import supervisor

        sys.exit(supervisor.main(config, supervisors))
    supervisors.close()
    for fd in config.descriptors:
        if fd != config.lock_fd:
            os.close(fd)
    httpbin = Prepared(apps.HTTPBIN, apps.HTTPBIN_MODULE)
    pid1.serve(ours, child, hidden=[str(config.directory.parent)], copied=httpbin)


if __name__ == "__main__":
    main()
