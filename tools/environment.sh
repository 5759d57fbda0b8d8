#!/usr/bin/env bash
# Installs into a virtual environment what a run against a cluster needs, or the lab as well, or our own tests as
# well: environment.sh FOLDER cluster|lab|dev. Says what it downloads, as that is most of the wait.
set -euo pipefail
folder=$1
what=$2
declare -A has=([cluster]=cluster [lab]="cluster lab" [dev]="cluster lab dev")
# Of all wheels together, as `pip download` fetches them.
declare -A megabytes=([cluster]=23 [lab]=77 [dev]=107)

# What the lock no longer names would stay.
[ ! -e "$folder/.ready-$what" ] || rm -rf "$folder"
[ -x "$folder/bin/python" ] || python3 -m venv "$folder"
echo "installing requirements/$what.lock into $folder: ${megabytes[$what]} MB, minus what is already there"
"$folder/bin/python" -m pip install --disable-pip-version-check --progress-bar off --require-hashes \
    -r "requirements/$what.lock" |
    sed -unE -e 's/^ *Downloading ([^ -]+-[^ -]+)-[^ ]* \(([0-9.]+ MB)\)$/  downloading \1, \2/p' \
        -e 's/^Installing collected packages:.*/  unpacking, which takes a while on a busy machine/p'
for each in ${has[$what]}; do
    touch "$folder/.ready-$each"
done
