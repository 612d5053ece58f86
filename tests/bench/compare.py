"""Runs both sides in turn and prints what each took. `coldsnap`, beside this file, starts it."""

import argparse
import filecmp
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

GIB = 1 << 30
BLOCK = 512 * 1024
UPLOAD_GIB = 2
# What is measured, in which unit, and how it is shown.
MEASURES = {
    "wall": ("wall time, s", "{:.2f}"),
    "cpu": ("CPU (user + sys), s", "{:.2f}"),
    "rss": ("memory (max RSS), MB", "{:.0f}"),
    "gets": ("blocks read", "{:.0f}"),
    "puts": ("blocks put", "{:.0f}"),
}
CASES = {
    "night": "A night: 2,101 files, 109 MB, into a cache of 642 MB on a volume of 100 GiB",
    "checked": "The same night, and ours checks it afterwards",
    "upload": f"An upload: {UPLOAD_GIB} GiB without holes",
}
# Ours divided by coldsnap's, at most.
TARGETS = {
    "night": {"wall": 1 / 30, "cpu": 1 / 50, "gets": 1 / 10, "puts": 1 / 5},
    "checked": {},
    "upload": {"cpu": 0.85, "rss": 0.75},
}


class Endpoint:
    """The fake EBS that both sides talk to."""

    def __init__(self, bench, latency):
        command = [bench, "endpoint", str(latency)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def count(self, *keep):
        """The blocks that were got and put since the last time. Forgets all snapshots but those to keep."""
        print(*keep, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


class Sides:
    """How each side does each thing. Every method returns the steps that it took, and the snapshot that came of it."""

    def __init__(self, bench, coldsnap, url):
        self.bench, self.coldsnap, self.url = bench, coldsnap, url
        self.environment = {**os.environ, "AWS_ENDPOINT_URL_EBS": url}

    def step(self, name, *command):
        """Runs one process to its end; returns what it took, and the last word that it printed."""
        with open("output", "wb") as output:
            began = time.perf_counter()
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=self.environment)
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        printed = Path("output").read_text(errors="replace")
        if process.returncode != 0:
            sys.exit(f"{name}: exit status {process.returncode}\n{printed}")
        taken = {"step": name, "wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss / 1000}
        return taken, (printed.split() or [""])[-1]

    def ours(self, command, *arguments):
        taken, snapshot = self.step(command, self.bench, command, self.url, *arguments)
        return [taken], snapshot

    def download(self, snapshot):
        Path("image").unlink(missing_ok=True)
        return self.step("download", self.coldsnap, "download", "--no-progress", snapshot, "image")[0]

    def coldsnap_upload(self, image, *options):
        taken, snapshot = self.step("upload", self.coldsnap, "upload", "--no-progress", *options, image)
        return [taken], snapshot

    def coldsnap_night(self, base):
        downloaded = self.download(base)
        edited, _ = self.step("debugfs", "debugfs", "-w", "-f", "tonight.debugfs", "image")
        uploaded, snapshot = self.coldsnap_upload("image", "--omit-zero-blocks")
        return [downloaded, edited, *uploaded], snapshot


def check(image):
    """Ends the program unless e2fsck finds nothing and the files of the night are what they should be."""
    judged = subprocess.run(["e2fsck", "-f", "-n", image], capture_output=True, text=True)
    if judged.returncode != 0:
        sys.exit(f"e2fsck: {judged.stdout}")
    wanted = [path.relative_to("tonight") for path in Path("tonight").rglob("*") if path.is_file()]
    for path in wanted:
        Path("found", path).parent.mkdir(parents=True, exist_ok=True)
    Path("dump.debugfs").write_text("".join(f"dump /{path} found/{path}\n" for path in wanted))
    subprocess.run(["debugfs", "-f", "dump.debugfs", image], check=True, capture_output=True)
    for path in wanted:
        if not filecmp.cmp(Path("tonight", path), Path("found", path), shallow=False):
            sys.exit(f"{path} is not what was written")
        Path("found", path).unlink()


def nights(sides, endpoint, runs):
    subprocess.run([sides.bench, "files", "tonight"], check=True)
    _, base = sides.ours("base")
    endpoint.count(base)
    for run in range(runs):
        steps, _ = sides.coldsnap_night(base)
        yield "night", "coldsnap", steps, endpoint.count(base)
        if run == 0:
            check("image")
        for case, command in [("night", "night"), ("checked", "checked-night")]:
            steps, snapshot = sides.ours(command, base, "tonight")
            yield case, "ours", steps, endpoint.count(base, snapshot)
            if run == 0:
                sides.download(snapshot)
                check("image")
            endpoint.count(base)
    Path("image").unlink()


def uploads(sides, endpoint, runs):
    with open("image", "wb") as image:
        for _ in range(UPLOAD_GIB * GIB // BLOCK):
            image.write(os.urandom(BLOCK))
    for _ in range(runs):
        steps, _ = sides.coldsnap_upload("image")
        yield "upload", "coldsnap", steps, endpoint.count()
        steps, _ = sides.ours("upload", "image")
        yield "upload", "ours", steps, endpoint.count()


def result(case, side, steps, counts):
    together = {
        "wall": sum(step["wall"] for step in steps),
        "cpu": sum(step["cpu"] for step in steps),
        "rss": max(step["rss"] for step in steps),
    }
    return {"case": case, "side": side, **together, **counts, "steps": steps}


def measure(arguments):
    """Every run of every case that is asked for, as it ends."""
    for case, run in [("night", nights), ("upload", uploads)]:
        if arguments.case in (case, None):
            with Endpoint(arguments.bench, arguments.latency) as endpoint:
                sides = Sides(arguments.bench, arguments.coldsnap, endpoint.url)
                for taken in run(sides, endpoint, arguments.runs):
                    done = result(*taken)
                    print("{case}, {side}: {wall:.2f} s, {cpu:.2f} CPU-s".format(**done), file=sys.stderr)
                    yield done


def fraction(ratio):
    return f"{ratio:.2f}" if ratio > 0.5 else f"1/{1 / ratio:.1f}" if ratio else "0"


def table(results):
    """The median of each measure on both sides, what one is of the other, and what it should be."""
    lines = []
    for case, title in CASES.items():
        ours = [result for result in results if (result["case"], result["side"]) == (case, "ours")]
        theirs = "night" if case == "checked" else case
        theirs = [result for result in results if (result["case"], result["side"]) == (theirs, "coldsnap")]
        if not ours:
            continue
        lines += ["", title, "", "| median | coldsnap | ours | ratio | target |", "|---|---|---|---|---|"]
        for measure, (name, form) in MEASURES.items():
            old, new = (statistics.median(result[measure] for result in side) for side in (theirs, ours))
            target = TARGETS[case].get(measure)
            cells = [form.format(old), form.format(new), fraction(new / old) if old else "", fraction(target) if target else ""]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines[1:])


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/coldsnap")
    parser.add_argument("bench", help=argparse.SUPPRESS)
    parser.add_argument("coldsnap", help=argparse.SUPPRESS)
    parser.add_argument("work", help=argparse.SUPPRESS)
    parser.add_argument("--case", choices=["night", "upload"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--latency", type=int, default=0, metavar="MS")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.chdir(arguments.work)
    results = list(measure(arguments))
    if arguments.json:
        print(json.dumps({"cores": os.cpu_count(), "latency_ms": arguments.latency, "runs": results}, indent=2))
    else:
        print(table(results))


main()
