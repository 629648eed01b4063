#!/bin/sh
# GUESS     A run of tests that fails leaves a failure in its JUnit file: who reads the file, as CI and a gate do, and who looks at the
#           exit status come to the same.
# HAPPENS   ctest fails for a test whose program was not built, and for those that need a fixture which was not to be had: "Not
#           Run", "tests failed", exit 8. In its JUnit file they are skipped, and failures="0". behave, whose before_feature or
#           before_all cannot reach the database, says HOOK-ERROR and exits 1; in its file all scenarios are skipped, failures and
#           errors 0. Where nothing could be tried, the file is that of a quiet day. A test that ran and failed is a
#           failure in both, and behave counts a step that nobody wrote as an error.
# VERSIONS  CMake 4.4.5, behave 1.3.3 (PyPI)
# SOURCE    seen by running; ctest(1), --output-junit; CMake's cmCTestTestHandler: NOT_RUN is <skipped>
# NEEDS     python3 with venv, PyPI. Exits 0: as told; 1: it behaves otherwise; 77: cannot be installed here.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cmake==4.4.5 behave==1.3.3 \
    || { echo "not to be installed here" >&2; exit 77; }
venv/bin/pip list --disable-pip-version-check | grep -E '^(cmake|behave) '

# Prints the counts of a JUnit file.
counts() {
    tr '\n\t' '  ' <"$1" | grep -o '<testsuite [^>]*>' | grep -o -E ' (tests|failures|errors|skipped)="[0-9]*"' | tr -d '\n'
}
# Runs ctest on one more test.
by_ctest() {
    rm -rf cmake
    mkdir cmake
    printf 'cmake_minimum_required(VERSION 3.20)\nproject(tool NONE)\nenable_testing()\n' >cmake/CMakeLists.txt
    printf 'add_test(NAME is_there COMMAND true)\n%s\n' "$2" >>cmake/CMakeLists.txt
    venv/bin/cmake -S cmake -B cmake/build >/dev/null
    status=0
    venv/bin/ctest --test-dir cmake/build --output-junit "$work/ctest.xml" >log 2>&1 || status=$?
    echo "ctest, $1: exit $status, $(grep -o '[0-9]* tests failed' log);$(counts ctest.xml)"
}
# Runs behave on two scenarios, with a hook.
by_behave() {
    rm -rf features reports
    mkdir -p features/steps
    printf 'Feature: tool\n  Scenario: starts\n    Given it runs\n  Scenario: answers\n    Given it %s\n' "$2" >features/tool.feature
    printf 'from behave import given\n\n\n@given("it runs")\ndef runs(context):\n    pass\n' >features/steps/steps.py
    printf '\n\n@given("it fails")\ndef fails(context):\n    assert False\n' >>features/steps/steps.py
    printf 'def %s(*_):\n    raise ConnectionError("no database")\n' "$3" >features/environment.py
    status=0
    venv/bin/behave --junit >log 2>&1 || status=$?
    echo "behave, $1: exit $status;$(counts reports/TESTS-tool.xml)"
}
{
    by_ctest 'a test fails' 'add_test(NAME answers COMMAND false)'
    # shellcheck disable=SC2016 # The variable is CMake's.
    by_ctest 'not built' 'add_test(NAME answers COMMAND ${CMAKE_CURRENT_BINARY_DIR}/tool-test)'
    by_behave 'a step fails' fails unused
    by_behave 'no such step' fasts unused
    by_behave 'before_feature fails' runs before_feature
    by_behave 'before_all fails' runs before_all
} >seen
cat seen
diff - seen <<'TOLD'
ctest, a test fails: exit 8, 1 tests failed; tests="2" failures="1" skipped="0"
ctest, not built: exit 8, 1 tests failed; tests="2" failures="0" skipped="1"
behave, a step fails: exit 1; tests="2" errors="0" failures="1" skipped="0"
behave, no such step: exit 1; tests="2" errors="1" failures="0" skipped="0"
behave, before_feature fails: exit 1; tests="2" errors="0" failures="0" skipped="2"
behave, before_all fails: exit 1; tests="2" errors="0" failures="0" skipped="2"
TOLD
