#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The C++ tests and the Python tests under sanitizers, at every SIMD level. Run from a clone in an environment with the extra
# "test" and pybind11, but not necessarily this package:
#
#   tools/sanitize.sh address [tests]   address and undefined behaviour
#   tools/sanitize.sh thread [tests]    data races, without OpenMP: GNU's runtime is not instrumented
#
# Without tests named, "address" runs all of them, about a quarter of an hour at each level on one core, and "thread" those
# of several threads. Builds are kept in build/asan and build/tsan.
set -euo pipefail
cd "$(dirname "$0")/.."

# What cannot run here: tests that limit or measure memory (a sanitizer reserves terabytes of addresses), that measure time,
# that start a browser, build other projects, or check what is installed.
LEFT_OUT=(test_out_of_memory test_memory test_interrupts test_sweep_report_browser test_structure test_docs test_pages
          test_examples test_cli test_cli_sweep test_release test_embedding test_systemc test_abi test_hostile_files)
# Tests of what several threads do; without OpenMP the core itself starts none.
THREADED=(test_concurrency test_fork test_layers test_spatial_layers test_recurrent test_network test_chip test_read_noise)

# Builds a preset with the extension; build/<preset>/python is then a package that can be imported.
build() {
  cmake --preset "$1" -S . -B "build/$1" -DIMPERFECT_PYTHON=ON -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=OFF \
    "-Dpybind11_DIR=$(python -c 'import pybind11; print(pybind11.get_cmake_dir())')"
  cmake --build "build/$1" -j "${JOBS:-$(nproc)}"
  rm -rf "build/$1/python"
  mkdir "build/$1/python"
  cp -r python/imperfect "build/$1/python/"
  cp "build/$1"/src/cpp/bindings/_core*.so "build/$1/python/imperfect/"
}

# Runs Python with a sanitizer's runtime loaded before it, as it is not instrumented itself. Arrays and buffers of more
# than 512 bytes are watched; smaller objects stay in Python's own pools, without which the tests take twice as long.
with() {
  local runtime=$1 preset=$2
  shift 2
  LD_PRELOAD="$(g++ -print-file-name="$runtime") $(g++ -print-file-name=libstdc++.so)" PYTHONPATH="build/$preset/python" \
    python "$@"
}

# The C++ tests, then Python tests at each SIMD level of this machine.
run() {
  local runtime=$1 preset=$2 levels
  shift 2
  build "$preset"
  ctest --test-dir "build/$preset" --output-on-failure
  levels=$(with "$runtime" "$preset" -c 'import imperfect; print(*imperfect.available_simd_levels())')
  for level in $levels; do
    printf '\nSIMD level %s\n' "$level"
    IMPERFECT_SIMD=$level with "$runtime" "$preset" -m pytest -q -p no:cacheprovider "$@"
  done
}

paths() { printf 'tests/%s.py\n' "$@"; }

address() {
  # Why no search for leaks: Python and the libraries it loads keep memory until they end.
  export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:allocator_may_return_null=1:malloc_context_size=8
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  if [ $# -eq 0 ]; then set -- tests $(paths "${LEFT_OUT[@]}" | sed 's/^/--ignore=/'); fi
  run libasan.so asan "$@"
}

thread() {
  export TSAN_OPTIONS=halt_on_error=1:ignore_noninstrumented_modules=1
  if [ $# -eq 0 ]; then set -- $(paths "${THREADED[@]}"); fi
  run libtsan.so tsan "$@"
}

case ${1:-} in
  address | thread) "$@" ;;
  *) sed -n '4,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
