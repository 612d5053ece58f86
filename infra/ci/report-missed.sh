#!/bin/sh
# Tells Watchkeeper what a job had to download since its cache did not have it. It never fails a build.
#
#   report-missed.sh begin DIR     before the build: leaves a mark in DIR, the local repository on the cache volume
#   report-missed.sh CACHE DIR     after it: reports each .jar and .pom that is new since
#
#   WATCHKEEPER_BUS   name of the event bus [watchkeeper]
#   WATCHKEEPER_JOB   what tells this job from others [made of what GitHub, GitLab or Jenkins say]
#
# It needs the AWS CLI, and events:PutEvents on the bus. A call waits 10 s at most and is tried three times. What is lost
# all the same is reported by the next job that misses it.
AWS_PAGER=
AWS_MAX_ATTEMPTS=3
LC_ALL=C
export AWS_PAGER AWS_MAX_ATTEMPTS LC_ALL

scratch=
trap '[ -z "$scratch" ] || rm -rf "$scratch"; exit 0' EXIT
trap 'exit 0' HUP INT TERM
warn() { echo "report-missed: $1; the build goes on" >&2; }
give_up() { warn "$1"; exit 0; }

[ "$#" -eq 2 ] || give_up "expected: begin DIR, or CACHE DIR"
CDPATH='' cd -- "$2" || give_up "there is no folder $2"
mark=.watchkeeper-began
if [ "$1" = begin ]; then
  : >"$mark" || warn "could not write $2/$mark"
  exit 0
fi
[ -f "$mark" ] || give_up "there is no $2/$mark: run 'report-missed.sh begin' before the build"
scratch=$(mktemp -d) || give_up "there is no place for scratch files"

job=${GITHUB_RUN_ID:+$GITHUB_REPOSITORY/$GITHUB_RUN_ID/$GITHUB_RUN_ATTEMPT/$GITHUB_JOB/$RUNNER_NAME}
job=${job:-$CI_JOB_URL}
job=${job:-${BUILD_TAG:+$BUILD_TAG/$NODE_NAME/$EXECUTOR_NUMBER}}
job=${WATCHKEEPER_JOB:-${job:-$(uname -n)/$$}}

# The inside of a JSON string, of what is printable ASCII.
quoted() { sed 's/[\\"]/\\&/g'; }
string() { printf '%s\n' "$1" | tr -cd ' -~' | quoted; }

# Maven gives a file the time that the repository says (MRESOLVER-393), so -newer would not find it. Its ctime tells when
# it came. A find without -cnewer has to do with -newer.
newer=-cnewer
find "$mark" -cnewer "$mark" >/dev/null 2>&1 || newer=-newer

# What Maven would not call a file is left out: line breaks, and what is not printable ASCII.
find . -path ./lost+found -prune -o -type f \( -name '*.jar' -o -name '*.pom' \) "$newer" "$mark" ! -path '*
*' -print >"$scratch/found" 2>"$scratch/errors" || warn "not all could be read: $(head -n 1 "$scratch/errors")"
sed 's|^\./||' "$scratch/found" | grep -v '[^ -~]' | sort | quoted >"$scratch/paths"
[ -s "$scratch/paths" ] || { echo "report-missed: nothing was missing"; exit 0; }

# An entry has at most 256 KB (EventBridge User Guide, "Calculating PutEvents event entry size").
awk -v dir="$scratch" -v most=200000 '
  size == 0 || size + length($0) + 3 > most {
    if (size) close(chunk)
    chunk = sprintf("%s/chunk-%05d", dir, ++chunks)
    size = 0
  }
  { printf "%s\"%s\"", size ? "," : "", $0 > chunk; size += length($0) + 3 }
' "$scratch/paths"

head='{"cache":"'$(string "$1")'","job":"'$(string "$job")'","paths":['
bus=$(string "${WATCHKEEPER_BUS:-watchkeeper}")
for chunk in "$scratch"/chunk-*; do
  {
    printf '[{"Source":"watchkeeper.ops","DetailType":"Cache Missed","EventBusName":"%s","Detail":"' "$bus"
    { printf '%s' "$head"; cat "$chunk"; printf ']}'; } | quoted | tr -d '\n'
    printf '"}]'
  } >"$scratch/entries"
  refused=$(aws --cli-connect-timeout 5 --cli-read-timeout 10 events put-events \
    --entries "file://$scratch/entries" --query FailedEntryCount --output text) || give_up "put-events has failed"
  [ "$refused" = 0 ] || give_up "EventBridge did not take the report"
done
echo "report-missed: files reported: $(wc -l <"$scratch/paths" | tr -d ' ')"
