#!/usr/bin/env bash
# Makes sure that the few programs are there that no Python package brings: with apt where that is allowed,
# otherwise by saying what to install. Exit code 3 if something is missing in the end.
# Its argument is the target of the run: whatever is not the lab needs no network namespaces.
set -euo pipefail

# program -> Debian and Ubuntu package
declare -A package_of=([curl]=curl)
if [ "${1:-lab}" = lab ]; then
    package_of+=([nft]=nftables [ip]=iproute2 [unshare]=util-linux)
fi
PATH="$PATH:/usr/sbin:/sbin"

missing() {
    for program in "${!package_of[@]}"; do
        command -v "$program" >/dev/null || echo "${package_of[$program]}"
    done
    # ensurepip is what python3 -m venv needs, and Debian ships it apart.
    python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
}

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "python3 is missing or older than 3.11: install Python 3.11 or newer" >&2
    exit 3
fi

mapfile -t packages < <(missing | sort)
[ ${#packages[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
fi
if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
    echo "installing ${packages[*]} with apt"
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
    mapfile -t packages < <(missing | sort)
fi
if [ ${#packages[@]} -ne 0 ]; then
    echo "missing: ${packages[*]}; install them with: sudo apt-get install ${packages[*]}" >&2
    exit 3
fi
