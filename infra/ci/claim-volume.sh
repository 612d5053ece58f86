#!/bin/sh
# Gets a volume of a cache for this job, or gives it back.
#
#   claim-volume.sh claim CACHE            prints the id of a volume in the zone of this instance
#   claim-volume.sh release CACHE VOLUME   it is detached: Watchkeeper may delete it
#
#   WATCHKEEPER_CACHE_REFRESHER   name or ARN of the function
#   WATCHKEEPER_JOB               what tells this job from others [made of what GitHub, GitLab or Jenkins say]
#   WATCHKEEPER_ZONE              id of the zone, as in use1-az1 [that of this EC2 instance]
#
# Exit status 1 when there is none: a job can do without, as in  volume=$(claim-volume.sh claim maven) || volume=
#
# It needs the AWS CLI, lambda:InvokeFunction on the function, and curl for the zone. A call waits 30 s at most and is
# tried three times: the same job gets the same volume. Attaching and mounting are up to the job: README.md.
AWS_PAGER=
AWS_MAX_ATTEMPTS=3
LC_ALL=C
export AWS_PAGER AWS_MAX_ATTEMPTS LC_ALL

scratch=
trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
fail() { echo "claim-volume: $1" >&2; exit 1; }

# The inside of a JSON string, of what is printable ASCII.
string() { printf '%s\n' "$1" | tr -cd ' -~' | sed 's/[\\"]/\\&/g'; }

# Instance metadata, version 2 (EC2 User Guide, "Access instance metadata", category placement/availability-zone-id).
zone() {
  metadata=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest
  token=$(curl -sf --max-time 2 --retry 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$metadata/api/token") &&
    curl -sf --max-time 2 --retry 2 -H "X-aws-ec2-metadata-token: $token" \
      "$metadata/meta-data/placement/availability-zone-id"
}

# Leaves the answer to payload $1 in $scratch/answer.
invoke() {
  [ -n "$WATCHKEEPER_CACHE_REFRESHER" ] || fail "WATCHKEEPER_CACHE_REFRESHER names no function"
  scratch=$(mktemp -d) || fail "there is no place for scratch files"
  printf '%s' "$1" >"$scratch/payload"
  error=$(aws --cli-connect-timeout 5 --cli-read-timeout 30 lambda invoke \
    --function-name "$WATCHKEEPER_CACHE_REFRESHER" --invocation-type RequestResponse \
    --payload "fileb://$scratch/payload" --query FunctionError --output text "$scratch/answer") ||
    fail "the function could not be invoked"
  [ "$error" = None ] || fail "the function has failed: $(cat "$scratch/answer")"
}

# The volume that stands under key $1 of the answer.
volume() { sed -n 's/.*"'"$1"'" *: *"\(vol-[0-9a-f]*\)".*/\1/p' "$scratch/answer" | head -n 1; }

case $1,$# in
  claim,2)
    zone=${WATCHKEEPER_ZONE:-$(zone)} || fail "this is no EC2 instance with metadata: set WATCHKEEPER_ZONE"
    job=${GITHUB_RUN_ID:+$GITHUB_REPOSITORY/$GITHUB_RUN_ID/$GITHUB_RUN_ATTEMPT/$GITHUB_JOB/$RUNNER_NAME}
    job=${job:-$CI_JOB_URL}
    job=${job:-${BUILD_TAG:+$BUILD_TAG/$NODE_NAME/$EXECUTOR_NUMBER}}
    job=${WATCHKEEPER_JOB:-${job:-$(uname -n)/$$}}
    cache=$(string "$2")
    invoke '{"claim":{"cache":"'"$cache"'","zone":"'"$(string "$zone")"'","by":"'"$(string "$job")"'"}}'
    claimed=$(volume volume)
    [ -n "$claimed" ] || fail "no volume: $(cat "$scratch/answer")"
    echo "$claimed"
    ;;
  release,3)
    invoke '{"release":{"cache":"'"$(string "$2")"'","volume":"'"$(string "$3")"'"}}'
    [ -n "$(volume released)" ] || fail "it was not claimed: $(cat "$scratch/answer")"
    ;;
  *) fail "expected: claim CACHE, or release CACHE VOLUME" ;;
esac
