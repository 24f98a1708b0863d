#!/bin/sh
# For node-problem-detector: tells from nodefix's state file whether a node has a problem.
#
#   nodefix-problem.sh held|degraded|repeated
#
# Prints one line of at most 80 bytes, and exits 0 without the problem, 1 with it, 2 where it cannot
# be told. It needs a POSIX shell and no other program. In a container mount /run/nodefix,
# /etc/nodefix, which tells whether nodefix is switched off, and the folder of this script, all at
# their own paths, or the first two below a folder that the variable NODEFIX_ROOT names.
#
# Source of the contract: node-problem-detector, pkg/custompluginmonitor/plugin/plugin.go.

# Bytes are counted, not characters: a shell takes its locale when it starts.
[ "${LC_ALL-}" = C ] || LC_ALL=C exec /bin/sh "$0" "$@"

# What the message may have; the pattern below has that less three dots.
MOST=80
# What shlex.quote of Python makes of a quote within quotes.
QUOTE="'\"'\"'"

question=${1-}
root=${NODEFIX_ROOT-}
file=$root/run/nodefix/state
kernel=$root/proc
[ -r "$kernel/sys/kernel/random/boot_id" ] || kernel=/proc

# end STATUS TEXT: say it, and cut no character of UTF-8 in two.
end() {
    text=$2
    if [ "${#text}" -gt "$MOST" ]; then
        pattern='?????????????????????????????????????????????????????????????????????????????'
        # shellcheck disable=SC2295  # it is a pattern
        rest=${text#$pattern}
        text=${text%"$rest"}
        low=$(printf '\200') high=$(printf '\277')
        case $rest in
            ["$low"-"$high"]*)
                while :; do
                    last=${text#"${text%?}"}
                    text=${text%?}
                    case $last in ["$low"-"$high"]) ;; *) break ;; esac
                done
                ;;
        esac
        text=$text...
    fi
    printf '%s\n' "$text"
    exit "$1"
}

# broken LINE: the file is not of the form that nodefix writes.
broken() {
    end 2 "$file: line $1 is not KEY=value as nodefix writes it"
}

# unquote VALUE NUMBER: set `value` to what a shell would read. The file is never run: what stands
# in it must not become a command, whoever wrote it.
unquote() {
    value=$1
    case $value in
        \'*\')
            left=${value#\'}
            left=${left%\'}
            value=
            while :; do
                case $left in
                    *"$QUOTE"*) part=${left%%"$QUOTE"*} ;;
                    *) part=$left ;;
                esac
                case $part in *\'*) broken "$2" ;; esac
                value=$value$part
                [ "$part" != "$left" ] || break
                value="$value'"
                left=${left#*"$QUOTE"}
            done
            case $value in *[[:cntrl:]]*) broken "$2" ;; esac
            ;;
        *[!A-Za-z0-9@%+=:,./_-]*) broken "$2" ;;
    esac
}

read_state() {
    number=0
    version='' boot='' outcome='' stage='' held='' failed='' degraded='' repeated='' message=''
    while IFS= read -r line; do
        number=$((number + 1))
        case $line in
            NODEFIX_[A-Z]*=*) unquote "${line#*=}" "$number" ;;
            *) broken "$number" ;;
        esac
        [ "$number" -le 200 ] || end 2 "$file: more than 200 lines"
        case ${line%%=*} in
            NODEFIX_STATE) version=$value ;;
            NODEFIX_BOOT_ID) boot=$value ;;
            NODEFIX_OUTCOME) outcome=$value ;;
            NODEFIX_STAGE) stage=$value ;;
            NODEFIX_HELD_SECONDS) held=$value ;;
            NODEFIX_FAILED) failed=$value ;;
            NODEFIX_DEGRADED) degraded=$value ;;
            NODEFIX_REPEATED) repeated=$value ;;
            NODEFIX_MESSAGE) message=$value ;;
        esac
        line=
    done <"$file"
    [ -z "$line" ] || broken "$((number + 1))"
}

case $question in
    held | degraded | repeated) ;;
    *) end 2 "expected held, degraded or repeated, found: ${question:-nothing}" ;;
esac
if [ -e "$root/etc/nodefix/disabled" ] || [ -L "$root/etc/nodefix/disabled" ]; then
    end 0 "nodefix is switched off by /etc/nodefix/disabled"
fi
arguments=
if [ -r "$kernel/cmdline" ]; then
    IFS= read -r arguments <"$kernel/cmdline" || :
fi
case " $arguments " in *" nodefix=off "*) end 0 "nodefix is switched off by nodefix=off" ;; esac
[ -e "$file" ] || end 2 "no $file: nodefix is off, or has not run since boot"
if ! [ -f "$file" ] || ! [ -r "$file" ]; then
    end 2 "$file: not a file that can be read"
fi
read_state
case $version in
    1) ;;
    *) end 2 "$file: version '$version', expected 1; update this script" ;;
esac
now=
IFS= read -r now <"$kernel/sys/kernel/random/boot_id" || :
[ -n "$now" ] || end 2 "$kernel/sys/kernel/random/boot_id cannot be read"
[ "$boot" = "$now" ] || end 2 "$file is of another boot"

is_running=
case $outcome in
    ready | degraded | failed) ;;
    skipped) end 0 "nodefix is not for this system" ;;
    # What is known of the stages is what they came to before; kubelet may start while the marker
    # of the run before is there.
    running) [ -e "$root/run/nodefix/ready" ] || is_running=yes ;;
    *) end 2 "$file: outcome '$outcome' is not known" ;;
esac

case $question in
    held)
        case $outcome:$is_running:$held in
            failed:*) end 1 "${message:-failed: $failed}" ;;
            running:yes:0 | running:yes:) ;;
            running:yes:*) end 1 "held for $held s; nodefix tries again" ;;
        esac
        ;;
    degraded)
        [ "$outcome" != degraded ] || end 1 "${message:-degraded: $degraded}"
        [ -z "$degraded" ] || end 1 "degraded: $degraded"
        ;;
    repeated)
        [ -z "$repeated" ] || end 1 "at every boot: $repeated; see: nodefix history"
        ;;
esac
[ -z "$is_running" ] || end 2 "nodefix is running${stage:+ (stage $stage)}"
end 0 "$outcome"
