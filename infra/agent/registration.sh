# shellcheck shell=bash
# `configure`: what the init container of the registration initConfig runs. It alone holds the pool's credential; it
# leaves the files that can listen as one agent, with the proxy on its way, and nothing else.

# configure --url URL --pool NAME --agent NAME [--work FOLDER]: arguments, because the agent reports every variable
# of its environment to the pool.
configure() {
  local url='' pool='' name='' work=/mayfly/work
  while (($# > 1)); do
    case $1 in
      --url) url=$2 ;;
      --pool) pool=$2 ;;
      --agent) name=$2 ;;
      --work) work=$2 ;;
      *) fail 64 "configure knows no argument $1" ;;
    esac
    shift 2
  done
  (($# == 0)) || fail 64 "configure: $1 has no value"
  [[ -n $url && -n $pool && -n $name ]] || fail 64 'configure needs --url, --pool and --agent'
  prepare_scratch
  read_token
  register --url "$url" --pool "$pool" --agent "$name" --work "$work"
  check_agent_files "$scratch/agent"
  hand_over
  say "registered $name"
}

# A root of its own for config.sh, which writes into the root it lies in. The node runtimes are most of the size and
# only looked at; hidden names are left out because they would make the copy look configured.
prepare_scratch() {
  local path
  [[ -x $agent_root/config.sh ]] || fail 27 "there is no agent in $agent_root"
  [[ -d $files && -w $files ]] || fail 25 "$files cannot be written by user $(id -u)"
  find "$files" -mindepth 1 -delete || fail 25 "$files holds what user $(id -u) cannot remove"
  make_scratch
  mkdir "$scratch/agent"
  for path in "$agent_root"/*; do
    if [[ ${path##*/} == externals ]]; then
      ln -s -- "$path" "$scratch/agent/externals"
    else
      cp -R -- "$path" "$scratch/agent/" || fail 25 "no room for a copy of the agent in $scratch"
    fi
  done
  if [[ -e $registration/.capabilities ]]; then
    check_capabilities "$registration/.capabilities"
    cat -- "$registration/.capabilities"
  fi >"$scratch/agent/.capabilities"
  # config.sh connects through the proxy of its root, too. Where there is a .proxy the agent asks no variable for the
  # address, but still for user and password: those have no file that another container could read (VstsAgentWebProxy.cs).
  for path in .proxy .proxybypass; do
    [[ -e $registration/$path ]] || continue
    check_readable "$registration/$path"
    cp -L -- "$registration/$path" "$scratch/agent/$path"
  done
}

read_token() {
  check_file "$token_file"
  known_secret=$(tr -d '\000' <"$token_file")
  known_secret=${known_secret%$'\r'}
  [[ -n $known_secret && $known_secret != *[[:space:]]* ]] || fail 23 "$token_file is not one token"
}

# register ARGUMENT...: config.sh, never with --replace: the name belongs to whoever registered it first. The token goes
# by the environment of this one process: an argument could be read in /proc by all, and config.sh takes no file. The
# agent deletes its VSTS_AGENT_INPUT_ variables once parsed (CommandSettings.cs), before it gathers capabilities; they
# are on its ignore list all the same. Variables of that prefix from outside would be arguments too, such as --replace.
register() {
  local code=0 name
  for name in "${!VSTS_AGENT_INPUT_@}"; do unset "$name"; done
  set -m
  # An Entra token is taken in place of a PAT under --auth pat; no other scheme of config.sh takes one.
  VSTS_AGENT_INPUT_TOKEN=$known_secret VSO_AGENT_IGNORE=${VSO_AGENT_IGNORE:+$VSO_AGENT_IGNORE,}VSTS_AGENT_INPUT_TOKEN \
    "$scratch/agent/config.sh" --unattended --acceptTeeEula --auth pat "$@" >"$scratch/config.log" 2>&1 &
  child=$!
  set +m
  wait_for_child || code=$?
  ((told == 0)) || exit 143
  ((code != 0)) || return 0
  tail -n 40 -- "$scratch/config.log" | mask
  refuse_registration "$code"
}

# config.sh has one exit code for all failures; what it prints tells them apart. English: the image sets no language.
refuse_registration() {
  printed() { grep -qEi "$1" -- "$scratch/config.log"; }
  if printed 'already contains an agent with name|TaskAgentExistsException'; then
    fail 30 'an agent of this name is registered already'
  elif printed 'VS30063|TF400813|VS403|not authorized|unauthori[sz]ed|access denied|forbidden|\b40[13]\b'; then
    fail 31 'the server refused the credential'
  elif printed 'name or service not known|no such host|temporary failure in name|could not be resolved|unable to resolve|connection (refused|reset|timed out)|unreachable|timed? ?out|SSL connection could not|\b50[234]\b'; then
    fail 32 'the server could not be reached'
  fi
  fail 33 "config.sh ended with $1"
}

hand_over() {
  local name
  for name in .agent .credentials .credentials_rsaparams .capabilities; do
    install -m 0400 -- "$scratch/agent/$name" "$files/$name" || fail 25 "$files/$name cannot be written"
  done
  # As the registration gave them: the look-up key of a .proxycredentials is of no use elsewhere.
  for name in .proxy .proxybypass; do
    [[ ! -e $registration/$name ]] ||
      install -m 0400 -- "$registration/$name" "$files/$name" || fail 25 "$files/$name cannot be written"
  done
}
