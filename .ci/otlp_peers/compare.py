"""Holds figures against the truth: `compare.py DAY SENT FIGURES [FAULTS]`

Prints a row of the table, or every difference, and then exits with 1. Everything is compared exactly but the money
of metrics, which SDKs add up as doubles: there the truth says how many pico-dollars may differ.
"""

import json
import sys


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def differences(truth, figures):
    """Each place where they differ, both ways."""
    told = figures["sessions"]
    for session in sorted(truth.keys() | told.keys()):
        if session not in told:
            yield f"{session}: the figures do not have it"
            continue
        if session not in truth:
            yield f"{session}: there was no such session: {told[session]}"
            continue
        wanted, got = truth[session], told[session]
        for kind in ("models", "tools"):
            for name in sorted(wanted[kind].keys() | got[kind].keys()):
                want, have = wanted[kind].get(name, {}), got[kind].get(name, {})
                tolerance = want.get("cost_tolerance_picos", 0)
                for figure in sorted((want.keys() | have.keys()) - {"cost_tolerance_picos"}):
                    left, right = want.get(figure, 0), have.get(figure, 0)
                    if abs(left - right) > (tolerance if figure == "cost_picos" else 0):
                        yield f"{session}, {name}: {figure} is {right} and was {left} ({right - left:+})"
        for name, want in wanted["metrics"].items():
            have = got["metrics"].get(name, {})
            for figure, value in want.items():
                if have.get(figure) != value:
                    yield f"{session}, {name}: {figure} is {have.get(figure)} and was {value}"


def total(sessions, kind, *figures):
    return sum(of.get(figure, 0) for it in sessions.values() for of in it[kind].values() for figure in figures)


def main():
    day, sent, figures, *more = [load(path) for path in sys.argv[1:]]
    faults = more[0] if more else {"refused": 0, "sent_twice": 0}
    truth = day["truth"]["sessions"]
    wrong = list(differences(truth, figures))
    for kind, count in figures.get("received", {}).items():
        # What was sent twice may be counted twice on its way in.
        if not (sent[kind] == count or (faults["sent_twice"] and sent[kind] < count)):
            wrong.append(f"{count} {kind} received, {sent[kind]} sent")
    # Where the receiver tells: that an SDK did what it was asked for.
    kind = {"http/protobuf": "application/x-protobuf", "http/json": "application/json", "grpc": "grpc"}[
        sent["protocol"]
    ]
    # A server of gRPC does not see how a message was compressed.
    way = "grpc" if kind == "grpc" else f"{kind} {sent['compression']}"
    if figures.get("ways", [way]) != [way]:
        wrong.append(f"asked for {way}, sent as {figures['ways']}")
    if sent["refused"]:
        wrong.append(f"{sent['refused']} requests were given up by the SDK")
    for line in wrong:
        print(f"    {line}")
    tokens = total(truth, "models", "input", "cache_read", "cache_write", "output")
    told = figures["sessions"]
    off = total(told, "models", "cost_picos") - total(truth, "models", "cost_picos")
    print(
        f"{sent['requests']:8} {sent['points']:7} {sent['logs']:5} {sent['spans']:6} "
        f"{faults['refused']:8} {faults['sent_twice']:6} {len(truth):9} "
        f"{total(truth, 'models', 'calls'):6} {total(truth, 'tools', 'ok', 'failed'):6} {tokens:10} "
        f"{total(told, 'models', 'input', 'cache_read', 'cache_write', 'output') - tokens:+10} {off:+8} "
        f"{'no' if wrong else 'yes':>6}"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
