# shellcheck shell=bash
# What this image prints: one line per event, and nothing that looks like a credential.

# Set to a credential in hand, so that it is masked whatever it looks like.
known_secret=''

# Copies lines, credentials replaced by ***. The agent masks its own traces only once it has learnt a secret, and its
# terminal not at all; masking too much costs a path in a log, too little costs a pool. 40 without "_" spares the server's
# own paths (/_apis/...), 64 with dashes the names of Kubernetes objects, which end at 63.
mask() {
  local line
  while IFS= read -r line || [[ -n $line ]]; do
    [[ -z $known_secret ]] || line=${line//"$known_secret"/***}
    printf '%s\n' "$line"
  done | LC_ALL=C sed -u -E \
    -e 's#://[^/@[:space:]]+@#://***@#g' \
    -e 's/\b(Bearer|Basic)[[:space:]]+[^[:space:]",;]+/\1 ***/gI' \
    -e 's/((password|passwd|pwd|secret|token|assertion|credential|signature|\bsig|\bpat|api_?key)[a-z_]*["'\'']?[[:space:]]*[:=][[:space:]]*["'\'']?)[^"'\''[:space:],;&}]+/\1***/gI' \
    -e 's/eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}/***/g' \
    -e 's#[A-Za-z0-9+/]{40,}=*#***#g' \
    -e 's#[A-Za-z0-9_-]{64,}#***#g'
}

say() {
  printf 'mayfly: %s\n' "$*" | mask
}

# fail CODE WORDS...: the one line that says why, to stderr and to where Kubernetes looks for a container's last words.
fail() {
  local code=$1 line
  shift
  line=$(say "$*")
  printf '%s\n' "$line" >&2
  { printf '%s' "$line" >"$termination_log"; } 2>/dev/null || true
  exit "$code"
}

# newest PATTERN...: the file changed last; nothing where none exists.
newest() {
  local path found=''
  for path in "$@"; do
    [[ -f $path ]] || continue
    [[ -n $found && ! $path -nt $found ]] || found=$path
  done
  printf '%s' "$found"
}

# The end of what the listener and the worker traced: a pod's files are gone with it, its output is kept.
show_diagnostics() {
  local path
  for path in "$(newest "$agent_diagnostics"/Agent_*.log)" "$(newest "$worker_diagnostics"/Worker_*.log)"; do
    [[ -n $path ]] || continue
    say "last lines of ${path##*/}:"
    tail -n 40 -- "$path" | mask
  done
}
