# One agent, one pipeline job, one exit, in a container of Windows. It has NEVER BEEN RUN where it was written: there was
# no Windows and no PowerShell. What differs from entrypoint.sh: docs/agent-image.md.
#   entrypoint.ps1 [run]          the main container, whatever the registration
#   entrypoint.ps1 configure ...  the init container of the registration initConfig
#   entrypoint.ps1 check          does this image have what the agent needs?
# For Windows PowerShell 5.1, which Server Core has; .NET Framework with it, for DPAPI.
Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

$agentRoot = 'C:\opt\mayfly\agent'
$listener = "$agentRoot\bin\Agent.Listener.exe"
$files = 'C:\mayfly\agent'
$registration = 'C:\mayfly\registration'
$tokenFile = "$registration\token"
$terminationLog = 'C:\dev\termination-log'
$agentDiagnostics = if ($env:AGENT_DIAGLOGPATH) { $env:AGENT_DIAGLOGPATH } else { "$agentRoot\_diag" }
$workerDiagnostics = if ($env:WORKER_DIAGLOGPATH) { $env:WORKER_DIAGLOGPATH } else { "$agentRoot\_diag" }
$place = [ordered]@{
    Pod = if ($env:MAYFLY_POD) { $env:MAYFLY_POD } else { $env:COMPUTERNAME }
    Namespace = $env:MAYFLY_NAMESPACE
    Node = $env:MAYFLY_NODE
    Image = $env:MAYFLY_IMAGE
    Agent = if (Test-Path "$PSScriptRoot\agent-version") { Get-Content -Raw "$PSScriptRoot\agent-version" } else { '' }
}
# The agent reports its environment to the pool and hands it to every step. These are for this script alone.
Get-ChildItem Env:MAYFLY_* | Remove-Item
# A credential in hand, masked whatever it looks like.
$script:knownSecret = ''

# As in masking.sh, expression by expression.
function Hide-Secrets([string] $Line) {
    if ($script:knownSecret) { $Line = $Line.Replace($script:knownSecret, '***') }
    $Line = $Line -creplace '://[^/@\s]+@', '://***@'
    $Line = $Line -creplace '(?i:\b(Bearer|Basic)\s+[^\s",;]+)', '$1 ***'
    $Line = $Line -creplace '(?i:((password|passwd|pwd|secret|token|assertion|credential|signature|\bsig|\bpat|api_?key)[a-z_]*["'']?\s*[:=]\s*["'']?)[^"''\s,;&}]+)', '$1***'
    $Line = $Line -creplace 'eyJ[A-Za-z0-9_-]{8,}(\.[A-Za-z0-9_-]*){0,2}', '***'
    $Line = $Line -creplace '[A-Za-z0-9+/]{40,}=*', '***'
    $Line -creplace '[A-Za-z0-9_-]{64,}', '***'
}

function Write-Line([string] $Line) {
    [Console]::Out.WriteLine((Hide-Secrets $Line))
}

# The one line that says why, to stderr and to where Kubernetes looks for a container's last words.
function Stop-Entrypoint([int] $Code, [string] $Reason) {
    $line = Hide-Secrets "mayfly: $Reason"
    [Console]::Error.WriteLine($line)
    try { [IO.File]::WriteAllText($terminationLog, $line) } catch { $null = $_ }
    exit $Code
}

function Read-Bytes([string] $Path) {
    if (-not (Test-Path -LiteralPath $Path)) { Stop-Entrypoint 20 "$Path is missing" }
    try { $bytes = [IO.File]::ReadAllBytes($Path) } catch { Stop-Entrypoint 21 "$Path cannot be read by $env:USERNAME" }
    # The comma keeps PowerShell from taking an array apart.
    , $bytes
}

function Read-Text([string] $Path) {
    # A byte order mark is no part of the text: config writes one.
    [Text.Encoding]::UTF8.GetString((Read-Bytes $Path)).TrimStart([char] 0xFEFF)
}

function Write-Bytes([string] $Path, [byte[]] $Bytes) {
    try { [IO.File]::WriteAllBytes($Path, $Bytes) } catch { Stop-Entrypoint 25 "$Path cannot be written by $env:USERNAME" }
}

# Its members, looked up without regard to case; of a key the exact names count.
function Test-Json([string] $Path, [string] $Text, [string[]] $Members, [bool] $Exact) {
    if ($Text.Trim() -eq '') { Stop-Entrypoint 22 "$Path is empty" }
    try { $object = ConvertFrom-Json $Text } catch { Stop-Entrypoint 23 "$Path is not a JSON object" }
    if ($object -isnot [PSCustomObject]) { Stop-Entrypoint 23 "$Path is not a JSON object" }
    $names = @($object.PSObject.Properties.Name)
    foreach ($member in $Members) {
        $has = if ($Exact) { $names -ccontains $member } else { $names -icontains $member }
        if (-not $has) { Stop-Entrypoint 23 "$Path lacks $member" }
    }
    $object
}

# Judged before the agent sees them, as its own complaint is a stack trace. What is in them is never quoted.
function Test-AgentFiles([string] $Folder, [string] $Key) {
    $null = Test-Json "$Folder\.agent" (Read-Text "$Folder\.agent") @('agentId', 'poolId', 'serverUrl', 'workFolder') $false
    $credentials = Test-Json "$Folder\.credentials" (Read-Text "$Folder\.credentials") @('scheme', 'data') $false
    # config keeps the credential it was given when the server answers a registration without an OAuth client.
    if ($credentials.scheme -ne 'OAuth') {
        Stop-Entrypoint 24 "$Folder\.credentials is not of the scheme OAuth: no other credential may reach a pipeline step"
    }
    $components = @('d', 'dp', 'dq', 'exponent', 'inverseQ', 'modulus', 'p', 'q')
    $null = Test-Json "$Folder\.credentials_rsaparams" $Key $components $true
    Test-Capabilities (Read-Text "$Folder\.capabilities") "$Folder\.capabilities"
}

function Test-Capabilities([string] $Text, [string] $Path) {
    foreach ($line in $Text -split '\r?\n') {
        if ($line -notmatch '^[^=\s]+=|^\s*$') { Stop-Entrypoint 23 "$Path has a line that is not NAME=VALUE" }
    }
}

# The agent keeps its key encrypted for the machine, which here is the container: no other container can read it
# (RSAEncryptedFileKeyManager.cs: DPAPI, LocalMachine, no entropy).
function Protect-Key([string] $Key) {
    , [Security.Cryptography.ProtectedData]::Protect([Text.Encoding]::UTF8.GetBytes($Key), $null, 'LocalMachine')
}

function Unprotect-Key([byte[]] $Sealed) {
    try { $bytes = [Security.Cryptography.ProtectedData]::Unprotect($Sealed, $null, 'LocalMachine') }
    catch { Stop-Entrypoint 23 "$agentRoot\.credentials_rsaparams is not encrypted as it was expected" }
    [Text.Encoding]::UTF8.GetString($bytes).TrimStart([char] 0xFEFF)
}

# Where the organisation says so, the agent keeps its key in a store of the machine and only the name of it in the file
# (CreateKeyStoreKeyInNamedContainer): no other container could ever sign with it.
function Test-KeyInFile([string] $Key) {
    try { $store = (ConvertFrom-Json $Key).PSObject.Properties['ContainerName'] } catch { return }
    if ($null -ne $store -and $store.Value) {
        Stop-Entrypoint 23 "$agentRoot\.credentials_rsaparams names a key store of this container: let Mayfly register agents for Windows (jit)"
    }
}

# The agent's files in its root. Nothing is linked there: what is absent is absent.
function Copy-AgentFiles([string] $Key) {
    foreach ($name in '.agent', '.credentials', '.capabilities') { Write-Bytes "$agentRoot\$name" (Read-Bytes "$files\$name") }
    Write-Bytes "$agentRoot\.credentials_rsaparams" (Protect-Key $Key)
    foreach ($name in '.proxy', '.proxybypass', '.certificates') {
        if (Test-Path -LiteralPath "$files\$name") { Write-Bytes "$agentRoot\$name" (Read-Bytes "$files\$name") }
    }
}

# Printed at the head of every pipeline job: where it ran, for whoever reads only its log.
function Write-SetupInfo {
    $lines = foreach ($name in $place.Keys) { if ($place[$name]) { "${name}: $($place[$name])" } }
    $group = @{ group = 'Mayfly'; detail = $lines -join "`n" }
    Write-Bytes "$agentRoot\.setup_info" ([Text.Encoding]::UTF8.GetBytes('[' + (ConvertTo-Json -Compress $group) + ']'))
}

# The end of what listener and worker traced: a pod's files are gone with it, its output is kept.
function Show-Diagnostics {
    foreach ($pattern in "$agentDiagnostics\Agent_*.log", "$workerDiagnostics\Worker_*.log") {
        $newest = Get-ChildItem -Path $pattern -ErrorAction SilentlyContinue | Sort-Object LastWriteTime | Select-Object -Last 1
        if ($null -eq $newest) { continue }
        Write-Line "mayfly: last lines of $($newest.Name):"
        Get-Content -Path $newest.FullName -Tail 40 | ForEach-Object { Write-Line $_ }
    }
}

# Runs the agent and passes on what it prints, masked; answers its exit code.
function Invoke-Listener([string[]] $Arguments, [scriptblock] $Told) {
    # What a program writes to stderr is an error record for PowerShell 5.1, and no reason to end.
    $ErrorActionPreference = 'Continue'
    & $listener @Arguments 2>&1 | ForEach-Object { & $Told "$_" } | Out-Null
    $LASTEXITCODE
}

function Invoke-Run {
    if (Test-Path -LiteralPath $tokenFile) { Stop-Entrypoint 26 "$tokenFile is within reach of pipeline steps" }
    $key = Read-Text "$files\.credentials_rsaparams"
    Test-AgentFiles $files $key
    Copy-AgentFiles $key
    Write-SetupInfo
    $script:ranJob = $false
    $code = Invoke-Listener @('run', '--once') {
        param($line)
        if ($line -like '*: Running job: *') { $script:ranJob = $true }
        Write-Line $line
    }
    if ($code -eq 0) {
        Write-Line $(if ($script:ranJob) { 'mayfly: the agent is done' } else { 'mayfly: the agent ended without a job' })
        exit 0
    }
    $why = "the agent ended with $code"
    if ($code -in 3, 4) { $why += ': it wants to update itself; rebuild the image with the newer agent instead' }
    Show-Diagnostics
    Stop-Entrypoint $code $why
}

function Read-Arguments([string[]] $Given) {
    $known = @{ url = ''; pool = ''; agent = ''; work = 'C:\mayfly\work' }
    for ($at = 0; $at -lt $Given.Count; $at += 2) {
        $name = $Given[$at] -replace '^--', ''
        if ($Given[$at] -notlike '--*' -or -not $known.ContainsKey($name)) { Stop-Entrypoint 64 "configure knows no argument $($Given[$at])" }
        if ($at + 1 -ge $Given.Count) { Stop-Entrypoint 64 "configure: $($Given[$at]) has no value" }
        $known[$name] = $Given[$at + 1]
    }
    if (-not ($known.url -and $known.pool -and $known.agent)) { Stop-Entrypoint 64 'configure needs --url, --pool and --agent' }
    $known
}

function Read-Token {
    $token = (Read-Text $tokenFile) -replace "`0", ''
    $token = $token -replace '\r?\n$', ''
    if ($token -eq '') { Stop-Entrypoint 22 "$tokenFile is empty" }
    if ($token -match '\s') { Stop-Entrypoint 23 "$tokenFile is not one token" }
    $token
}

# It alone holds the pool's credential. config writes into the agent's root of this container, which ends with it.
function Invoke-Configure([string[]] $Given) {
    $known = Read-Arguments $Given
    if (Get-ChildItem -Force -Path $files) { Get-ChildItem -Force -Path $files | Remove-Item -Recurse -Force }
    $script:knownSecret = Read-Token
    if (Test-Path -LiteralPath "$registration\.capabilities") {
        Test-Capabilities (Read-Text "$registration\.capabilities") "$registration\.capabilities"
        Write-Bytes "$agentRoot\.capabilities" (Read-Bytes "$registration\.capabilities")
    } else { Write-Bytes "$agentRoot\.capabilities" @() }
    foreach ($name in '.proxy', '.proxybypass') {
        if (Test-Path -LiteralPath "$registration\$name") { Write-Bytes "$agentRoot\$name" (Read-Bytes "$registration\$name") }
    }
    Register-Agent $known
    $key = Unprotect-Key (Read-Bytes "$agentRoot\.credentials_rsaparams")
    Test-KeyInFile $key
    Test-AgentFiles $agentRoot $key
    foreach ($name in '.agent', '.credentials', '.capabilities', '.proxy', '.proxybypass') {
        if (Test-Path -LiteralPath "$agentRoot\$name") { Write-Bytes "$files\$name" (Read-Bytes "$agentRoot\$name") }
    }
    # In the clear, as the next container cannot read what was encrypted in this one. Windows has no volumes in memory.
    Write-Bytes "$files\.credentials_rsaparams" ([Text.Encoding]::UTF8.GetBytes($key))
    Write-Line "mayfly: registered $($known.agent)"
    exit 0
}

# Never with --replace: the name belongs to whoever registered it first. The token goes by the environment of this one
# process, which the agent clears once parsed; variables of that prefix from outside would be arguments too.
function Register-Agent($Known) {
    Get-ChildItem Env:VSTS_AGENT_INPUT_* | Remove-Item
    $env:VSTS_AGENT_INPUT_TOKEN = $script:knownSecret
    $env:VSO_AGENT_IGNORE = (@($env:VSO_AGENT_IGNORE, 'VSTS_AGENT_INPUT_TOKEN') | Where-Object { $_ }) -join ','
    $printed = [Collections.Generic.List[string]]::new()
    $arguments = @('configure', '--unattended', '--auth', 'pat', '--url', $Known.url, '--pool', $Known.pool, '--agent', $Known.agent, '--work', $Known.work)
    $code = Invoke-Listener $arguments { param($line) $printed.Add($line) }
    Remove-Item Env:VSTS_AGENT_INPUT_TOKEN
    if ($code -eq 0) { return }
    $printed | Select-Object -Last 40 | ForEach-Object { Write-Line $_ }
    $all = $printed -join "`n"
    if ($all -match 'already contains an agent with name|TaskAgentExistsException') {
        Stop-Entrypoint 30 'an agent of this name is registered already'
    }
    if ($all -match 'VS30063|TF400813|VS403|not authorized|unauthori[sz]ed|access denied|forbidden|\b40[13]\b') {
        Stop-Entrypoint 31 'the server refused the credential'
    }
    if ($all -match 'no such host|could not be resolved|unable to resolve|connection (refused|reset|timed out)|unreachable|timed? ?out|SSL connection could not|\b50[234]\b') {
        Stop-Entrypoint 32 'the server could not be reached'
    }
    Stop-Entrypoint 33 "config ended with $code"
}

Add-Type -AssemblyName System.Security
$mode = if ($args.Count -gt 0) { $args[0] } else { 'run' }
if ($mode -notin 'run', 'configure', 'check') { Stop-Entrypoint 64 "there is no mode ${mode}: run, configure, check" }
if (-not (Test-Path -LiteralPath $listener)) { Stop-Entrypoint 27 "there is no agent in $agentRoot" }
if ($mode -eq 'check') {
    Write-Line 'mayfly: this image has what the agent needs'
    exit 0
}
$user = [Security.Principal.WindowsPrincipal]::new([Security.Principal.WindowsIdentity]::GetCurrent())
if ($user.IsInRole('Administrators')) { Stop-Entrypoint 28 'runs as an administrator: the agent and every step would too' }
if ($mode -eq 'run') { Invoke-Run }
Invoke-Configure @($args | Select-Object -Skip 1)
