# shellcheck shell=bash
# The files that make an agent: judged before the agent sees them, because its own complaint is a stack trace and an
# exit code that means anything. What is in them is never quoted.

# Exit codes 20 to 23, in the order in which the questions are asked.
check_readable() {
  local path=$1
  if [[ ! -e $path ]]; then
    [[ -r ${path%/*} && -x ${path%/*} ]] || fail 21 "${path%/*} cannot be read by user $(id -u)"
    fail 20 "$path is missing"
  fi
  [[ -f $path && -r $path ]] ||
    fail 21 "$path cannot be read by user $(id -u): owner $(stat -Lc '%u:%g, mode %a, %F' -- "$path")"
}

check_file() {
  check_readable "$1"
  [[ -s $1 ]] || fail 22 "$1 is empty"
}

# is_json_object PATH: strings and other values become one mark each, then lists and objects of marks become a mark,
# until one is left. A user's image need not have jq. config.sh writes a byte order mark.
is_json_object() {
  local rest
  rest=$(LC_ALL=C sed -Ez \
    -e 's/^\xEF\xBB\xBF//' \
    -e 's/"([^"\\[:cntrl:]]|\\(["\\\/bfnrt]|u[0-9A-Fa-f]{4}))*"/\x01/g' \
    -e 's/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null/\x02/g' \
    -e 's/[ \t\r\n]+//g' \
    -e 's/^\{/\x03{/' \
    -e ':again' \
    -e 's/\[([\x01\x02](,[\x01\x02])*)?\]/\x02/g' \
    -e 's/\{(\x01:[\x01\x02](,\x01:[\x01\x02])*)?\}/\x02/g' \
    -e 'tagain' -- "$1" | tr -d '\000')
  [[ $rest == $'\003\002' ]]
}

# check_json PATH GREP-FLAGS MEMBER...: an object with these members at least.
check_json() {
  local path=$1 flags=$2 member
  shift 2
  check_file "$path"
  is_json_object "$path" || fail 23 "$path is not a JSON object"
  for member in "$@"; do
    grep -qE"$flags" "\"$member\"[[:space:]]*:" -- "$path" || fail 23 "$path lacks $member"
  done
}

# check_agent_files FOLDER. Member names in any case, except of the key: its reader is exact (RSAFileKeyManager.cs).
check_agent_files() {
  local folder=$1
  check_json "$folder/.agent" i agentId poolId serverUrl workFolder
  check_json "$folder/.credentials" i scheme data
  # config.sh keeps the credential it was given when the server answers a registration without an OAuth client.
  grep -qEi '"scheme"[[:space:]]*:[[:space:]]*"OAuth"' -- "$folder/.credentials" ||
    fail 24 "$folder/.credentials is not of the scheme OAuth: no other credential may reach a pipeline step"
  check_json "$folder/.credentials_rsaparams" '' d dp dq exponent inverseQ modulus p q
  check_capabilities "$folder/.capabilities"
}

# No capability at all is legal, a line that is none is not.
check_capabilities() {
  check_readable "$1"
  ! grep -qvE '^[^=[:space:]]+=|^[[:space:]]*$' -- "$1" || fail 23 "$1 has a line that is not NAME=VALUE"
}

# put NAME: standard input becomes this file of the agent's root. In our image the root is read-only and the name a
# link to a writable folder; writing goes through it. The agent may rewrite its files, so these are copies of its own.
put() {
  local path=$agent_root/$1
  { umask 077 && cat >"$path" && chmod 600 "$path"; } 2>/dev/null ||
    fail 25 "$path cannot be written by user $(id -u)"
}

# place FOLDER: the agent's files in its root. .NET takes a link to nothing for a file that exists (File.Exists falls
# back to lstat), so whatever the image links has to be written, be it empty. An empty .proxy means no proxy file
# (VstsAgentWebProxy.cs), a .certificates without members all defaults (AgentCertificateManager.cs).
place() {
  local folder=$1 name
  for name in .agent .credentials .credentials_rsaparams .capabilities; do
    put "$name" <"$folder/$name"
  done
  for name in .proxy .proxybypass .certificates; do
    if [[ -e $folder/$name ]]; then
      check_readable "$folder/$name"
      put "$name" <"$folder/$name"
    elif [[ -L $agent_root/$name ]]; then
      if [[ $name == .certificates ]]; then echo '{}'; fi | put "$name"
    fi
  done
}

json_text() {
  local text=${1//[[:cntrl:]]/ }
  text=${text//\\/\\\\}
  printf '%s' "${text//\"/\\\"}"
}

# .setup_info is printed at the head of every pipeline job: where it ran, for whoever reads only its log.
write_setup_info() {
  local detail='' line
  for line in "Pod: $pod" "Namespace: $namespace" "Node: $node" "Image: $image" "Agent: $agent_version"; do
    [[ $line == *': ' ]] || detail+=${detail:+\\n}$(json_text "$line")
  done
  printf '[{"group":"Mayfly","detail":"%s"}]\n' "$detail" | put .setup_info
}
