#!/bin/bash
# Usage: dockerfile-check.sh [CONTEXT] [TAG] [PORT]   Proves the Dockerfile without a docker engine and without a registry:
# buildah builds it over a base image made here with debootstrap, podman runs it as strictly as production would.
# Needs root: apt-get install buildah podman runc debootstrap jq. State is kept in $W (default build/image) for the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
context=${1:-.} tag=${2:-weir} port=${3:-18080}
W=${W:-$PWD/build/image}
mkdir -p "$W"
for tool in buildah podman runc debootstrap jq; do
  command -v $tool >/dev/null || { echo "SKIPPED: dockerfile-check needs $tool"; exit 0; }
done
S="--root $W/store --runroot $W/run --storage-driver overlay"
fail() { echo "dockerfile-check: $*" >&2; exit 1; }
if ! buildah $S inspect --type image localhost/debian:bookworm-slim >/dev/null 2>&1; then
  mirror=$(apt-get --print-uris update 2>/dev/null | sed -nE "s#^'(.*)/dists/bookworm/InRelease'.*#\1#p" | head -n 1)
  debootstrap --variant=minbase --include=ca-certificates bookworm "$W/rootfs" "$mirror" >"$W/debootstrap.log"
  apt-get --print-uris update 2>/dev/null | sed -nE "s#^'(.*)/dists/(bookworm[a-z-]*)/InRelease'.*#deb \1 \2 main#p" | sort -u >"$W/rootfs/etc/apt/sources.list"
  rm -rf "$W"/rootfs/var/cache/apt/archives/*.deb "$W"/rootfs/var/lib/apt/lists/*
  tar -C "$W/rootfs" -cf "$W/base.tar" . && rm -rf "$W/rootfs"
  container=$(buildah $S from scratch)
  buildah $S add -q "$container" "$W/base.tar" /
  buildah $S config --cmd bash "$container"
  buildah $S commit -q "$container" localhost/debian:bookworm-slim
  buildah $S rm "$container" >/dev/null && rm -f "$W/base.tar"
fi
buildah $S bud --isolation chroot --format docker --pull-never --layers --network host \
  --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" -t "$tag" "$context" >"$W/build.log" 2>&1 || { tail -n 30 "$W/build.log"; fail "the image does not build"; }

config=$(buildah $S inspect --type image "$tag" | jq .Docker.config)
want() { [ "$(jq -c "$1" <<<"$config")" = "$2" ] || fail "image: $1 is $(jq -c "$1" <<<"$config"), expected $2"; }
want .User '"65532:65532"'; want .Entrypoint '["/weir"]'; want .Cmd '["serve"]'; want .StopSignal '"SIGTERM"'
want .WorkingDir '"/site"'; want .Healthcheck.Test '["CMD","/weir","healthcheck"]'; want '.ExposedPorts["8080/tcp"]' '{}'
want '.Labels["org.opencontainers.image.licenses"]' '"Apache-2.0"'
bytes=$(buildah $S images --json "$tag" | jq -r '.[0].size')
container=$(buildah $S from --pull-never "$tag"); mounted=$(buildah $S mount "$container")
size=$(du -sb --apparent-size "$mounted" | cut -f1); buildah $S umount "$container" >/dev/null; buildah $S rm "$container" >/dev/null
[ "$size" -le $((25 * 1024 * 1024)) ] || fail "the image is $size bytes, more than 25 MiB"

P="podman $S --cgroup-manager cgroupfs --events-backend file --runtime /usr/sbin/runc"
$P rm -f weir-check >/dev/null 2>&1 || true
$P run -d --name weir-check --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --no-healthcheck --network host \
  --read-only --cap-drop all --security-opt no-new-privileges -e PORT="$port" "localhost/$tag" >/dev/null
trap '$P rm -f weir-check >/dev/null 2>&1 || true' EXIT
for _ in $(seq 50); do curl -fsS -m 2 "http://127.0.0.1:$port/_weir/healthz" >/dev/null 2>&1 && break; sleep 0.1; done
curl -fsS -m 2 "http://127.0.0.1:$port/_weir/healthz" >/dev/null || { $P logs weir-check | tail; fail "it does not answer"; }
curl -fsS -m 5 "http://127.0.0.1:$port/" | grep -q Lowwater || fail "the example site is not served"
$P exec weir-check /weir healthcheck || fail "healthcheck inside the container fails"
pid=$($P inspect weir-check --format '{{.State.Pid}}')
[ "$(awk '/^Uid:/{print $2}' "/proc/$pid/status")" = 65532 ] || fail "it does not run as 65532"
start=$(date +%s%N); $P stop -t 10 weir-check >/dev/null; ms=$((($(date +%s%N) - start) / 1000000))
code=$($P inspect weir-check --format '{{.State.ExitCode}}')
[ "$code" = 0 ] || fail "SIGTERM ended it with exit code $code"
echo "image: serves, healthy, uid 65532, read-only, stops with 0 in $ms ms"
echo "RESULT image_bytes=$size stored_bytes=$bytes stop_ms=$ms"
