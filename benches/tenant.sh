#!/usr/bin/env bash
# Whole commands of the release binary against `tenantry sandbox serve`, which can be slow and strict like a real tenant. Prints a
# row of a markdown table for each run.
#
#   benches/tenant.sh [--quick] [start] [sizes] [history] [limits] [together] [share]
#   without names, all of them; --quick leaves out `limits`
#
#   TENANTRY  the binary; by default target/release/tenantry, built first
#   SIZES     how many clients the tenants in `sizes` have (500 5000)
#   EDITS     how many of them a push sends there (50)
#   LATENCY   of their answers, in milliseconds (100)
#   COMMITS   how long the history of the repository in `history` is (10000); one in twenty of them changes the lock
#
# Needs bash, git, perl and python3. Only the command is measured; the server runs beside it and takes its share of the machine.
#
# requests   as the command tells them on stderr (`-v`), token included; `429` of them were refused by the tenant's rate limit
# floor      the longest of: the requests that have to wait for one another, times the latency; all requests 16 at a time, which
#            is what tenantry has under way at most; and what the rate limit, or --max-rate, takes to allow for all of them
# CPU        user and system time
# memory     the peak; what starts the command is a python of some ten megabytes, so less can't be told
set -euo pipefail

sizes=${SIZES:-500 5000} edits=${EDITS:-50} latency=${LATENCY:-100} commits=${COMMITS:-10000}
chosen=() all=(start sizes history limits together share)
for argument in "$@"; do
  case $argument in
    --quick) all=(start sizes history together share) ;;
    start | sizes | history | limits | together | share) chosen+=("$argument") ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
done
[ ${#chosen[@]} -gt 0 ] || chosen=("${all[@]}")

project=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${TENANTRY:-}" ]; then
  (cd "$project" && cargo build --release --locked)
  TENANTRY=${CARGO_TARGET_DIR:-$project/target}/release/tenantry
fi
binary=$(cd "$(dirname "$TENANTRY")" && pwd)/$(basename "$TENANTRY")

folder=$(mktemp -d) place='' places=0 server=''
stop() { [ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2>/dev/null; server=''; }
trap 'stop; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

# The --max-rate of the runs in a row, if they have one.
max_rate=''

# Nothing of the user's settings, and a token cache that goes with the folder.
bare=(env -i PATH="$PATH" HOME="$folder")

# serve CLIENTS LATENCY [RATE BURST]: a new tenant, and a new place for its files. The old one stays to the end: some file systems
# are slow to make files after others were removed.
serve() {
  stop
  clients=$1 milliseconds=$2 rate=${3:-} burst=${4:-}
  places=$((places + 1)) place=$folder/$places
  mkdir "$place"
  "${bare[@]}" "$binary" sandbox serve --port 0 --clients "$clients" --latency "$milliseconds" \
    ${rate:+--rate "$rate" --burst "$burst"} >"$place/settings" 2>"$place/server" &
  server=$!
  until grep -qs SECRET "$place/settings"; do
    kill -0 "$server" 2>/dev/null || { cat "$place/server" >&2; exit 1; }
    sleep 0.05
  done
}

# Waits until the tenant's bucket is full again.
fill() { sleep "$(python3 -c "print($burst / $rate)")"; }

# run EXPECTED NAME COMMAND…: runs it once, and leaves what came of it in NAME.out, NAME.err and NAME.cost (wall, CPU, memory).
run() {
  local expected=$1 name=$2
  shift 2
  local settings=()
  while IFS= read -r setting; do settings+=("$setting"); done <"$place/settings"
  (cd "$place" && "${bare[@]}" "${settings[@]}" python3 -IS -c '
import resource, subprocess, sys, time
expected, name, *command = sys.argv[1:]
with open(name + ".out", "w") as out, open(name + ".err", "w") as err:
    started = time.monotonic()
    code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err).returncode
    wall = time.monotonic() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
with open(name + ".cost", "w") as cost:
    print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / unit, file=cost)
if code != int(expected):
    sys.exit("%s ended with %s:\n%s" % (" ".join(command), code, open(name + ".err").read()))
' "$expected" "$name" "$binary" -v "$@")
}

# row WHAT CHAIN NAME…: the row of runs that ended together, of which CHAIN requests had to wait for one another.
row() {
  local what=$1 chain=$2
  shift 2
  (cd "$place" && python3 -IS -c '
import re, sys
what, chain, milliseconds, rate, burst, max_rate, *names = sys.argv[1:]
sent = [re.match(r"(GET|POST|PATCH) /\S+ (\S+)", line) for name in names for line in open(name + ".err")]
answers = [match.group(2) for match in sent if match]
limited = answers.count("429")
costs = [[float(number) for number in open(name + ".cost").read().split()] for name in names]
walls, cpus, peaks = zip(*costs)
floor = max(int(chain), (len(answers) - limited) / 16) * int(milliseconds) / 1000
if rate:
    floor = max(floor, (len(answers) - limited - int(burst)) / float(rate))
if max_rate:
    floor = max(floor, (len(answers) - 1) / float(max_rate))
print("| %-44s | %8d | %4d | %7.2f | %6.2f | %5.2f | %9.0f |"
      % (what, len(answers), limited, floor, max(walls), sum(cpus), max(peaks)))
' "$what" "$chain" "$milliseconds" "$rate" "$burst" "$max_rate" "$@")
}

# edit COUNT [DIRECTORY [FIRST]]: gives so many clients another name, in their files.
edit() {
  local files=("$place/${2:-tenant}"/clients/*)
  perl -pi -e 's/^(name: .*)/$1+/' "${files[@]:${3:-0}:$1}"
}

# How many requests of a list wait for one another: up to 1,000 clients, the first page and the others side by side; past that, the
# first page and then each by the one before.
list() {
  if [ "$clients" -le 100 ]; then echo 1; elif [ "$clients" -le 1000 ]; then echo 2; else echo $((1 + (clients + 99) / 100)); fi
}

# How long nothing takes: a command that only starts.
start() {
  python3 -IS -c '
import resource, shutil, subprocess, sys, time
tried = [("tenantry --help", [sys.argv[1], "--help"]), ("node -e 0", ["node", "-e", "0"])]
for what, command in tried:
    if shutil.which(command[0]):
        used, runs = [], 20
        for _ in range(runs):
            before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            used.append((wall, cpu))
        walls, cpus = map(sorted, zip(*used))
        print("| %-44s | %8s | %4s | %7s | %6.3f | %5.3f | %9s |"
              % (what + ", median of %d" % runs, "", "", "", walls[runs // 2], cpus[runs // 2], ""))
' "$binary"
}

# Pull, diff and push at several sizes, on a tenant without a limit.
sizes() {
  local size
  for size in $sizes; do
    serve "$size" "$latency"
    run 0 pull pull
    row "first pull of $size" $((1 + $(list))) pull
    run 0 pull pull
    row "second pull of $size" "$(list)" pull
    edit 5
    run 1 diff diff
    row "diff of $size" "$(list)" diff
    run 0 push push --yes
    row "push of 5 edits among $size" 2 push
    edit "$edits"
    run 0 push push --yes
    row "push of $edits edits among $size" 2 push
  done
}

# A push of one edit among many clients, in no repository and in one with a long history: the difference is what git takes to answer.
# The first look reads every version of the lock that there ever was; from then on, only those that are new. The tenant answers at
# once, so that nothing hides behind it.
history() {
  local round size=5000
  serve "$size" 0
  run 0 pull pull
  for round in 1 2 3; do
    edit 1
    run 0 push push --yes
    row "push of 1 edit among $size, no repository, $round" 2 push
  done
  git init -q -b main "$place"
  python3 -IS -c '
import re, sys
path, commits = sys.argv[1], int(sys.argv[2])
out = sys.stdout.buffer
entries = re.split(r"(?<=\n)(?=    \")", open(path).read())
head, now = entries[0], entries[1:]
last = {at: entry for at, entry in enumerate(now)}
pushed = {}
def commit(number, file, text):
    text = text.encode()
    out.write(b"commit refs/heads/main\ncommitter B <b@example.com> %d +0000\ndata 1\nc\n" % (10**9 + number))
    out.write(b"M 100644 inline %s\ndata %d\n%s\n" % (file.encode(), len(text), text))
for number in range(commits):
    if number % 20 and number != commits - 1:
        commit(number, "src/%d/%d.txt" % (number % 37, number % 611), "%d\n" % number)
        continue
    # Somebody pushed a client: its base and its serial are others, in the end those that the tenant has.
    if number == commits - 1:
        for at, serial in pushed.items():
            now[at] = re.sub("\"serial\": [0-9]+", "\"serial\": %d" % serial, last[at])
    else:
        at = number * 7919 % len(now)
        pushed[at] = pushed.get(at, 1) + 1
        entry = re.sub("\"serial\": [0-9]+", "\"serial\": %d" % pushed[at], last[at])
        now[at] = re.sub("\"name\": \".", "\"name\": \"%d " % number, entry)
        pushed[at] += 1
    commit(number, "tenant/tenant.lock", head + "".join(now))
open(path, "w").write(head + "".join(now))
' "$place/tenant/tenant.lock" "$commits" | git -C "$place" fast-import --quiet
  git -C "$place" reset -q
  git -C "$place" gc -q
  for round in 'first look' 1 2 3; do
    edit 1
    run 0 push push --yes
    row "push of 1 edit, $commits commits, $round" 2 push
  done
}

# Pushes to a tenant with a rate limit, each from a full bucket.
limits() {
  local count
  while read -r count rate burst; do
    serve 500 50 "$rate" "$burst"
    run 0 pull pull
    edit "$count"
    fill
    run 0 push push --yes
    row "push of $count edits at $rate/s, burst $burst" 2 push
  done <<'END'
100 2 10
60 2 2
200 16 50
END
}

# Two people push to one tenant at once, each from a directory of their own, and share its limit. Who is refused when is a matter
# of luck, so they do it three times.
together() {
  local round
  for round in 1 2 3; do
    serve 500 50 16 50
    run 0 pull pull
    cp -R "$place/tenant" "$place/tenant2"
    edit 100
    edit 100 tenant2 100
    fill
    run 0 one push --yes &
    local one=$! failed=''
    run 0 two --dir tenant2 push --yes || failed=yes
    wait "$one" || failed=yes
    [ -z "$failed" ]
    row "two pushes of 100 at once, 16/s, burst 50, $round" 2 one two
  done
}

# A push and its undo at a rate of their own leave the rest of the limit to somebody else, who pushes at the same time.
share() {
  local undo one failed
  serve 500 50 16 50
  run 0 pull pull
  cp -R "$place/tenant" "$place/tenant2"
  edit 100
  for undo in '' undo; do
    edit 100 tenant2 100
    fill
    run 0 one "${undo:-push}" --yes --max-rate 8 &
    one=$! failed=''
    run 0 two --dir tenant2 push --yes || failed=yes
    wait "$one" || failed=yes
    [ -z "$failed" ]
    max_rate=8
    row "${undo:-push} of 100 edits at --max-rate 8 of 16/s" 2 one
    max_rate=''
    row "push of 100 edits beside it" 2 two
  done
}

echo '| what                                         | requests |  429 | floor s | wall s | CPU s | memory MB |'
echo '|----------------------------------------------|---------:|-----:|--------:|-------:|------:|----------:|'
for scenario in "${chosen[@]}"; do "$scenario"; done
