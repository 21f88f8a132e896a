#!/usr/bin/env bash
# Holds both servers to their own OpenAPI descriptions: schemathesis makes requests of all kinds, right and
# wrong ones, over HTTPS, and every answer must have a status, a type and a body that are described, and
# none may be an error of the server. Needs the built programs in target/debug.
#
#     scripts/schemathesis.sh [EXAMPLES]      # so many of each operation and kind; 12 unless said
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

examples=${1:-12}
# These are no requests to be made at random:
#   shutdown, shut_down   end the server
#   agents                starts so many agents
#   pair                  calls a machine of the network
not_at_random=()
for operation in shutdown shut_down agents pair; do
    not_at_random+=(--exclude-operation-id "$operation")
done
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance

say() { echo "schemathesis: $*" >&2; }

tool=$(scripts/setup.sh schemathesis)
folder=$(mktemp -d)
servers=()
cleanup() {
    for server in "${servers[@]}"; do
        kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap cleanup EXIT

# Starts a server in a folder of its own and prints nothing; its address comes to `address`.
start() {
    local dir=$folder/$1
    mkdir -p "$dir"
    XDG_CACHE_HOME=$folder/cache "target/debug/blendnet-$1" --dir "$dir" --listen 127.0.0.1:0 \
        >"$dir/said" 2>"$dir/log" &
    servers+=($!)
    until address=$(sed -n 's/.*"listening": *"\([^"]*\)".*/\1/p' "$dir/said") && [ -n "$address" ]; do
        kill -0 $! 2>/dev/null || { say "$1 did not start:"; tail -n 20 "$dir/log" >&2; exit 1; }
        sleep 0.1
    done
}

check() {
    local name=$1 dir=$folder/$1
    start "$name"
    say "blendnet-$name at https://$address"
    local failed=0
    # In a folder of its own: it keeps what it found.
    (cd "$dir" && SSL_CERT_FILE=$dir/ca.pem "$tool" run "https://$address/api/v1/openapi.json" \
        --tls-verify "$dir/ca.pem" --auth "blendnet:$(cat "$dir/password")" --checks "$checks" \
        "${not_at_random[@]}" --phases examples,coverage,fuzzing --max-examples "$examples" \
        --request-timeout 30 --generation-database none --no-color --warnings off) || failed=$?
    if ! kill -0 "${servers[-1]}" 2>/dev/null; then
        say "blendnet-$name is gone"
        failed=1
    fi
    if [ "$failed" -ne 0 ]; then
        say "blendnet-$name does not keep to its description; the end of its log:"
        tail -n 40 "$dir/log" >&2
    fi
    return "$failed"
}

results=0
for name in manager agent; do
    check "$name" || results=1
done
exit "$results"
