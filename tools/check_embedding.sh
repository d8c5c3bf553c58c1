#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Embeds the core in every way that docs/embedding.md names, and runs the examples: tools/check_embedding.sh WORK PREFIX...
# WORK is a folder for builds; each PREFIX has an installed package, by `cmake --install` or in a wheel.
# As a sub-project the whole library is compiled, twice: CMAKE_CXX_COMPILER_LAUNCHER=ccache saves what a release build with
# warnings as errors has left in the cache.
set -euo pipefail
: "${2:?usage: tools/check_embedding.sh WORK PREFIX...}"
source=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
shift

# Prints the output of a command only if it fails.
quiet() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; return 1; }; }

build_and_run() {
  quiet cmake --build "$1" --parallel
  ctest --test-dir "$1" --output-on-failure
}

# The flags of a release build, without a build type.
as_subproject() {
  cmake -E rm -rf "$1"
  quiet cmake -S "$source/tests/subproject" -B "$1" -G Ninja "-DCMAKE_CXX_FLAGS=-O3 -DNDEBUG" -DIMPERFECT_WERROR=ON "${@:2}"
  build_and_run "$1"
}

# A PATH with what builds C++ and nothing else: no Python, whatever it is called.
path_without_python() {
  local tools="$work/tools" name found
  mkdir -p "$tools"
  for name in ar as c++ cat cc ccache cmake ctest g++ gcc ld make ninja nm ranlib sh uname; do
    if found=$(command -v "$name"); then ln -sf "$found" "$tools/$name"; fi
  done
  echo "$tools"
}

for prefix in "$@"; do
  echo "--- package in $prefix"
  rm -rf "$work/package"
  quiet cmake -S "$source/examples/embed" -B "$work/package" -G Ninja "-Dimperfect_ROOT=$prefix"
  build_and_run "$work/package"
done

echo "--- FetchContent, static, no Python"
tools=$(path_without_python)
(
  export PATH=$tools
  if command -v python3 python; then exit 1; fi
  as_subproject "$work/fetch" -DFETCH=ON
)
if grep -i python "$work/fetch/CMakeCache.txt" | grep -v '^IMPERFECT_PYTHON:\|^//'; then
  echo "the build without Python has looked for it"
  exit 1
fi

echo "--- add_subdirectory, shared"
as_subproject "$work/subdirectory" -DFETCH=OFF -DBUILD_SHARED_LIBS=ON

echo "--- C interface of the shared library"
python3 "$source/tools/check_abi.py" --library "$work/subdirectory/imperfect/libimperfect.so"
