#!/usr/bin/env bash
# One agent, one pipeline job, one exit. Modes, files and exit codes: docs/agent-image.md.
#   entrypoint.sh [run]          the main container, whatever the registration
#   entrypoint.sh configure ...  the init container of the registration initConfig
#   entrypoint.sh check          does this image have what the agent needs?
set -euo pipefail

here=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")

agent_root=${MAYFLY_AGENT_ROOT:-$here/agent}
files=${MAYFLY_FILES:-/mayfly/agent}
registration=${MAYFLY_REGISTRATION:-/mayfly/registration}
token_file=${MAYFLY_TOKEN_FILE:-$registration/token}
termination_log=${MAYFLY_TERMINATION_LOG:-/dev/termination-log}
grace=${MAYFLY_GRACE_SECONDS:-30}
pod=${MAYFLY_POD:-${HOSTNAME:-}}
namespace=${MAYFLY_NAMESPACE:-}
node=${MAYFLY_NODE:-}
image=${MAYFLY_IMAGE:-}
agent_version=$(cat -- "$here/agent-version" 2>/dev/null || true)
agent_diagnostics=${AGENT_DIAGLOGPATH:-$agent_root/_diag}
worker_diagnostics=${WORKER_DIAGLOGPATH:-$agent_root/_diag}
# The agent reports its environment to the pool and hands it to every step. These are for this script alone.
for name in "${!MAYFLY_@}"; do unset "$name"; done

# shellcheck source-path=SCRIPTDIR source=masking.sh
source "$here/masking.sh"
# shellcheck source-path=SCRIPTDIR source=agentFiles.sh
source "$here/agentFiles.sh"
# shellcheck source-path=SCRIPTDIR source=registration.sh
source "$here/registration.sh"

mode=''
child=''
timer=''
told=0
interrupted=0
scratch=''

# The agent takes its job up to a minute before there is a worker, as it first renews the request's lock; `tell` sees
# that. A worker is one of this agent's group that is not dead.
job_taken() {
  local path line
  [[ ! -e $scratch/job ]] || return 0
  for path in /proc/[0-9]*/stat; do
    { IFS= read -r line <"$path"; } 2>/dev/null || continue
    [[ $line =~ ^[0-9]+\ \(Agent\.Worker\)\ [^ZX]\ [0-9]+\ ([0-9]+)\  ]] || continue
    [[ ${BASH_REMATCH[1]} == "$child" ]] || continue
    : >"$scratch/job"
    return 0
  done
  return 1
}

# Only the listener: it ends a running job in order and reports it; a TERM to the worker would cut it off.
forward() {
  kill -TERM "$child" 2>/dev/null || true
}

# Told to end, by a drain or a delete. The listener has no drain mode: TERM makes it cancel its job. So a job is waited
# for, and only what could still be reported in the rest of the grace is cancelled: the listener takes up to 30 s for
# it (ExitOnUnloadTimeout). Told twice changes nothing, the grace runs from the first time.
on_term() {
  interrupted=1
  ((told == 0)) || return 0
  told=1
  [[ -n $child ]] || exit 143
  if [[ $mode == configure ]]; then
    kill -TERM -- "-$child" 2>/dev/null || true
  elif job_taken; then
    local margin=$(((grace + 1) / 2))
    ((margin <= 45)) || margin=45
    say "told to end while a job runs: it has $((grace - margin)) s to finish"
    set -m
    (sleep "$((grace - margin))" && say 'the grace is nearly over: the job is cancelled' && forward) &
    timer=$!
    set +m
  else
    say 'told to end while idle'
    forward
  fi
}

# A signal ends `wait` early; the child's own code is what the wait that was not disturbed answers.
wait_for_child() {
  local code
  while :; do
    interrupted=0
    code=0
    # Bash would also tell which signal killed it, and quote its own source.
    wait "$child" 2>/dev/null || code=$?
    ((interrupted)) || return "$code"
  done
}

# The agent's output. That it has taken a job is told by a file, not by a signal: Bash loses one of two signals that come
# at once (5.2, seen in 3 of 80 runs). "Running job: ..." is English because the image sets no language.
tell() {
  local line
  trap '' TERM INT
  while IFS= read -r line || [[ -n $line ]]; do
    [[ $line != *': Running job: '* ]] || : >"$scratch/job"
    printf '%s\n' "$line"
  done | mask
}

make_scratch() {
  scratch=$(mktemp -d 2>/dev/null) || fail 25 "${TMPDIR:-/tmp} cannot be written by user $(id -u)"
  trap 'rm -rf -- "$scratch"' EXIT
}

# Agent.Listener itself, not run.sh: that runs the agent a second time after exit code 4, and forwards no signal.
run() {
  local code=0 teller
  [[ $grace =~ ^[1-9][0-9]{0,8}$ ]] || fail 64 'MAYFLY_GRACE_SECONDS is not a number of seconds'
  [[ -x $agent_root/bin/Agent.Listener ]] || fail 27 "there is no agent in $agent_root"
  [[ ! -e $token_file ]] || fail 26 "$token_file is within reach of pipeline steps"
  check_agent_files "$files"
  place "$files"
  write_setup_info
  make_scratch
  exec 3> >(tell)
  teller=$!
  # In a process group of its own no signal meant for this script reaches the agent past the rules above.
  set -m
  "$agent_root/bin/Agent.Listener" run --once </dev/null >&3 2>&1 3>&- &
  child=$!
  set +m
  exec 3>&-
  wait_for_child || code=$?
  trap '' TERM INT
  [[ -z $timer ]] || kill -- "-$timer" 2>/dev/null || true
  # What a step left running would hold the agent's output open, and ends with the container anyway.
  kill -KILL -- "-$child" 2>/dev/null || true
  drain "$teller"
  close "$code"
}

# Until all that the agent printed is told; a process that left its group may hold the output open for ever.
drain() {
  local tries
  for ((tries = 0; tries < 20; tries++)); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
}

# The agent's own code (Constants.cs) is ours. It does not tell the result of the pipeline job, nor whether one ran.
close() {
  local code=$1 why="the agent ended with $1"
  if ((code == 0)); then
    if [[ -e $scratch/job ]]; then say 'the agent is done'; else say 'the agent ended without a job'; fi
    exit 0
  fi
  if ((code == 3 || code == 4)); then
    why+=': it wants to update itself; rebuild the image with the newer agent instead'
  fi
  show_diagnostics
  fail "$code" "$why"
}

# What a user's own image may lack. OpenSSL and ICU are loaded at run time, so that no linker misses them.
check() {
  local missing=() path name
  [[ -x $agent_root/bin/Agent.Listener ]] || fail 27 "there is no agent in $agent_root"
  for name in cat chmod cp find grep id install ldd mktemp readlink sed sleep stat tail tr git; do
    command -v "$name" >/dev/null || missing+=("$name")
  done
  for path in "$agent_root"/bin/lib*.so; do
    [[ ! -e $path ]] || ! ldd "$path" 2>/dev/null | grep -q 'not found' || missing+=("what ${path##*/} links to")
  done
  for name in libssl.so.3 libicuuc.so; do
    [[ -n $(find /lib /usr/lib /usr/lib64 /usr/local/lib -name "$name*" -print -quit 2>/dev/null) ]] || missing+=("$name")
  done
  ((${#missing[@]} == 0)) || fail 29 "this image lacks: ${missing[*]}"
  say 'this image has what the agent needs'
}

trap on_term TERM INT
mode=${1:-run}
case $mode in
  run | configure | check) ;;
  *) fail 64 "there is no mode $mode: run, configure, check" ;;
esac
[[ $mode == check || $(id -u) != 0 ]] || fail 28 'runs as root: the agent and every step would too'
(($# == 0)) || shift
"$mode" "$@"
