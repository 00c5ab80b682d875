#!/bin/sh
# inject.sh FOLDER: copies the agent into FOLDER, an emptyDir that the main container mounts at /opt/mayfly.
set -eu

source=${MAYFLY_SOURCE:-/opt/mayfly}
target=${1:?a folder to copy the agent to}

refuse() {
  printf 'mayfly: %s\n' "$2" >&2
  exit "$1"
}

{ [ -x "$source/entrypoint.sh" ] && [ -x "$source/agent/bin/Agent.Listener" ]; } || refuse 27 "there is no agent in $source"
{ [ -d "$target" ] && [ -w "$target" ]; } || refuse 25 "$target cannot be written by user $(id -u)"
# A second agent laid over a first one would be neither.
[ -z "$(ls -A "$target")" ] || refuse 25 "$target is not empty"
# Links as links: they lead to folders of the main container.
umask 022
cp -R -P "$source"/* "$target/" || refuse 25 "no room for the agent in $target"
printf 'mayfly: the agent %s is in %s\n' "$(cat "$source/agent-version")" "$target"
