#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fault.sh O RUNS: the n-th allocation, open, read, write, poll, getrandom, fork of the programs fails, for RUNS of all n
# (0 = all), over a machine that must pass and one that must not. O is a build linked with O/fault/library.so whose
# configuration is below O/etc. Ends with "N passed, N failed, N skipped".
set -eu
top=$(cd "$1" && pwd)
runs=$2
library=$top/fault/library.so
node=$top/node
nonce=$(printf '5a%.0s' $(seq 32))
at=$(date -u +%FT%TZ)

rm -rf "$node"
mkdir -p "$top/etc/cgpu/cgpu.conf.d" "$top/var"
"$top/emulator/mint" --library "$top/emulator/libnvidia-ml.so.1" "$node" >/dev/null
{ cat "$node/cgpu.conf"; printf '[run]\nworker-user = nobody\n'; } >"$top/etc/cgpu/cgpu.conf.d/fault.conf"
cgpu=$top/cgpu
rm -f "$library.control"
"$cgpu" evidence --nonce "$nonce" --output "$top/evidence.json"

# campaign PROGRAM accept|refuse COMMAND...
campaign() {
	"$top/fault/campaign" "$library" "$runs" "$@" >>"$top/fault.log" || :
}
# verify PROGRAM accept|refuse ROOT: the manifests' anchor is the right one or the devices'.
verify() {
	campaign "$1" "$2" "$cgpu" verify --format json --gpu-evidence-file "$top/evidence.json" --nonce "$nonce" --at "$at" \
		--device-root "$node/device-root.pem" --rim-root "$node/$3" --rim-dir "$node/rim" \
		--ocsp-dir "$node/ocsp" --allow-ocsp-without-nonce
}
: >"$top/fault.log"
for program in cgpu appraise; do
	verify $program accept rim-root.pem
	verify $program refuse device-root.pem
done
campaign collect accept "$cgpu" status --format json
echo 'devtools 1' >>"$node/node/faults.conf"
for program in cgpu collect; do
	campaign $program refuse "$cgpu" attest --output-dir "$top/result"
done
rm -f "$top/etc/cgpu/cgpu.conf.d/fault.conf"
cat "$top/fault.log"
failed=$(grep -c '^not ok' "$top/fault.log" || :)
echo "$(grep -c '^ok' "$top/fault.log") passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
