#!/usr/bin/env bash
# The step of the action that runs the suites. Its inputs are in the environment, as action.yml names them.
set -euo pipefail

# What a run came to, in words that a workflow can compare. An exit code of 0 does not say whether every case ran:
# the result of the report does, which the run leaves among the outputs.
conclusion() {
  case $1 in
    0) sed -n 's/^result=//p' "$GITHUB_OUTPUT" | tail -n 1 | grep . || echo could-not-tell ;;
    1) echo not-conformant ;;
    2) echo interrupted ;;
    3) echo could-not-tell ;;
    4) echo usage ;;
    5) echo nothing-selected ;;
    7) echo refused ;;
    8) echo over-budget ;;
    *) echo could-not-tell ;;
  esac
}

# What the workflow is told of an exit code.
told() {
  {
    echo "exit-code=$1"
    echo "conclusion=$(conclusion "$1")"
  } >> "$GITHUB_OUTPUT"
}

# Paths are seen from the workspace, and the run happens where the suites are.
absolute() {
  case $1 in
    '' | /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
  esac
}

case $FAIL in
  true | false) ;;
  *)
    echo "::error::fail: $FAIL is neither true nor false" >&2
    told 4
    exit 4
    ;;
esac

options=(--target "$TARGET" --suite "$SUITE" --mode "${PROFILE:-$MODE}" -n "$WORKERS")
case $MESH in
  '') ;;
  *.yaml | *.yml) options+=(--mesh "$(absolute "$MESH")") ;;
  *) options+=(--mesh "$MESH") ;;
esac
[ -z "$CONTEXT" ] || options+=(--context "$CONTEXT")
[ -z "$CONFIG" ] || options+=(--kubeconfig "$(absolute "$CONFIG")")
if [[ $MORE =~ [^[:space:]] ]]; then
  while IFS= read -r -d '' word; do
    options+=("$word")
  done < <(xargs printf '%s\0' <<< "$MORE")
fi

baseline=$(absolute "$BASELINE")
cd "$ROOT"
code=0
"${PYTHON:-.venv/bin/python}" -m pytest suites "${options[@]}" || code=$?
told "$code"
if [ "$code" -eq 1 ] && [ "$FAIL" != true ]; then
  code=0
fi

# What became worse than in the baseline fails the step as well, whether or not the mesh conforms.
if [ -n "$baseline" ]; then
  compared=0
  "${PYTHON:-.venv/bin/python}" -m fixtures.cli compare "$baseline" reports/conformance-report.yaml \
    --fail-on "$FAIL_ON" --page compared.html || compared=$?
  case $compared in
    0) echo "comparison=passed" ;;
    1) echo "comparison=failed" ;;
    *) echo "comparison=could-not-compare" ;;
  esac >> "$GITHUB_OUTPUT"
  [ "$code" -ne 0 ] || code=$compared
fi
exit "$code"
