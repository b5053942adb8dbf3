#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Roost Authors
"""Runs tests/e2e/test_*.py against a binary, basic ones first, and counts.

    tests/e2e/run.py [--binary build/dev/roost] [-k PATTERN] [FILE...]
"""

import argparse
import faulthandler
import os
import pathlib
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
LIMIT_S = 900  # of one test: what takes longer hangs, and says where


class Result(unittest.TextTestResult):
    """One line a test, with its time; `SKIPPED name: reason` for what was skipped."""

    passed = 0  # a class that is skipped as a whole is one skip, and no test of it ran

    def startTest(self, test):
        super().startTest(test)
        faulthandler.dump_traceback_later(LIMIT_S, exit=True)
        self.began = time.monotonic()

    def _line(self, word, test, words=""):
        name = test.id().split(".", 1)[-1]
        print(f"{word:7} {name} ({time.monotonic() - self.began:.1f} s){words}", flush=True)

    def addSuccess(self, test):
        unittest.TestResult.addSuccess(self, test)
        self.passed += 1
        self._line("ok", test)

    def addFailure(self, test, err):
        unittest.TestResult.addFailure(self, test, err)
        self._line("FAILED", test)

    def addError(self, test, err):
        unittest.TestResult.addError(self, test, err)
        if not hasattr(self, "began"):
            self.began = time.monotonic()
        self._line("FAILED", test)

    def addSubTest(self, test, subtest, err):
        unittest.TestResult.addSubTest(self, test, subtest, err)
        if err is not None:
            self._line("FAILED", subtest)

    def addSkip(self, test, reason):
        unittest.TestResult.addSkip(self, test, reason)
        print(f"SKIPPED {test.id()}: {reason}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--binary", default=str(HERE.parents[1] / "build/dev/roost"))
    parser.add_argument("-k", dest="pattern", help="only tests whose name contains this")
    parser.add_argument("files", nargs="*", help="test files; all by default")
    args = parser.parse_args()
    os.environ["ROOST_BINARY"] = args.binary
    if not os.access(args.binary, os.X_OK):
        sys.exit(f"{args.binary} is missing: run scripts/build dev")
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    sys.path.insert(0, str(HERE))
    loader = unittest.TestLoader()
    if args.pattern:
        loader.testNamePatterns = [f"*{args.pattern}*"]
    files = [pathlib.Path(f) for f in args.files] or sorted(HERE.glob("test_*.py"))
    suite = unittest.TestSuite(loader.loadTestsFromName(f.stem) for f in files)
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0).run(suite)
    # A test with several failing subtests is one failed test.
    failed = len({getattr(t, "test_case", t).id() for t, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    print(f"{result.passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not result.testsRun + skipped else 0


if __name__ == "__main__":
    sys.exit(main())
