#!/usr/bin/env bash
# Stands in for config.sh of azure-pipelines-agent v5.278, unattended. STAND_IN_STORY: ok, exists, badToken,
# unreachable, pat (the server answers no OAuth client), silent (ends well, leaves nothing), other, slow.
set -u
root=$(cd -- "$(dirname -- "$0")" && pwd)
printf '%s\n' "$@" >"$STAND_IN_NOTES/arguments"
compgen -e | sort >"$STAND_IN_NOTES/environment"
printf '%s' "${VSO_AGENT_IGNORE:-}" >"$STAND_IN_NOTES/ignored"
cp -- "$root/.capabilities" "$STAND_IN_NOTES/capabilities"
printf '%s' "$root" >"$STAND_IN_NOTES/root"
[[ ! -e $root/.proxy ]] || cp -- "$root/.proxy" "$STAND_IN_NOTES/proxy"

answer() { printf '%s\n' "$@"; exit 1; }
# ConfigurationManager.cs refuses a root that is configured; File.Exists also sees a link to nothing.
[[ ! -e $root/.agent && ! -L $root/.agent ]] || answer 'Cannot configure the agent because it is already configured.'
[[ -w $root ]] || answer "Access to the path '$root/svc.sh' is denied."
# Unattended, an answer that is missing is an error (CommandSettings.cs).
[[ -n ${VSTS_AGENT_INPUT_TOKEN:-} ]] || answer "Invalid configuration provided for token. Terminating unattended configuration."

echo '>> Connect:'
echo "Connecting to server ... (token ${VSTS_AGENT_INPUT_TOKEN})"
case $STAND_IN_STORY in
  exists) answer '>> Register Agent:' 'Scanning for tool capabilities.' 'Pool 12 already contains an agent with name mf-1.' ;;
  badToken) answer 'VS30063: You are not authorized to access https://dev.azure.com.' 'Failed to connect.' ;;
  unreachable) answer 'Name or service not known (dev.azure.com:443)' 'Failed to connect.' ;;
  other) answer "Agent pool not found: 'Default'" ;;
  silent) exit 0 ;;
  slow) sleep 30 ;;
esac
# Newtonsoft writes a byte order mark (IOUtil.SaveObject).
save() { printf '\xEF\xBB\xBF%s\n' "$2" >"$root/$1"; }
scheme='{"scheme":"OAuth","data":{"clientId":"c","authorizationUrl":"https://a/","oauthEndpointUrl":"https://a/"}}'
[[ $STAND_IN_STORY != pat ]] || scheme="{\"scheme\":\"PAT\",\"data\":{\"token\":\"$VSTS_AGENT_INPUT_TOKEN\"}}"
save .credentials "$scheme"
save .credentials_rsaparams '{"ContainerName":"","UseCng":false,"d":"AA==","dp":"AA==","dq":"AA==","exponent":"AQAB","inverseQ":"AA==","modulus":"AA==","p":"AA==","q":"AA=="}'
save .agent '{"agentId":7,"agentName":"mf-1","poolId":12,"poolName":"Default","serverUrl":"https://dev.azure.com/contoso","workFolder":"/mayfly/work"}'
echo '#!/bin/bash' >"$root/svc.sh"
# env.sh takes variables such as LANG and PATH down.
: >"$root/.env"
printf '%s' "$PATH" >"$root/.path"
