"""The command line."""

import argparse
import sys

from minewatch import __version__, readings, report, rules, selfcheck
from minewatch.gases import load_gases


def main(arguments=None):
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except (OSError, ValueError) as error:
        print(f"minewatch: {error}", file=sys.stderr)
        return 2


def parser():
    top = argparse.ArgumentParser(prog="minewatch", description="Watches the air of a coal mine.")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    version = commands.add_parser("version", help="print the version")
    version.set_defaults(run=run_version)

    status = commands.add_parser("status", help="print the worst verdict of every heading")
    status.add_argument("readings", help="a file of time,heading,gas,ppm")
    status.set_defaults(run=run_status)

    check = commands.add_parser("check", help="exit 1 when people must leave, or this installation is unfit")
    what = check.add_mutually_exclusive_group(required=True)
    what.add_argument("readings", nargs="?", help="a file of time,heading,gas,ppm")
    what.add_argument("--self", action="store_true", dest="itself", help="check this installation")
    check.set_defaults(run=run_check)

    sums = commands.add_parser("report", help="print how every gas went in every heading")
    sums.add_argument("readings", help="a file of time,heading,gas,ppm")
    sums.add_argument("--json", action="store_true", help="print JSON")
    sums.set_defaults(run=run_report)
    return top


def run_version(_options):
    print(__version__)
    return 0


def run_status(options):
    for heading, verdict in judge(options.readings).items():
        print(f"{heading:12} {verdict.level:8} {verdict.reason}")
    return 0


def run_check(options):
    if options.itself:
        return selfcheck.run()
    left = [heading for heading, verdict in judge(options.readings).items() if verdict.level == rules.LEAVE]
    if left:
        print("leave: " + ", ".join(left))
        return 1
    print("nobody has to leave")
    return 0


def run_report(options):
    with open(options.readings, encoding="utf-8") as lines:
        table = list(report.rows(readings.parse(lines), load_gases()))
    print(report.as_json(table) if options.json else report.as_text(table))
    return 0


def judge(path):
    with open(path, encoding="utf-8") as lines:
        return rules.judge(readings.parse(lines), load_gases())
