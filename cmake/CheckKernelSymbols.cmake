# SPDX-License-Identifier: BSD-3-Clause
#
# Fails if the object files of two SIMD levels define the same weak symbol: the linker would keep one of the two, and code
# for a wider level could then run on a CPU that lacks it. Run as a script with NM and the object files of each level.
cmake_minimum_required(VERSION 3.22)

function(weak_symbols result)
  execute_process(COMMAND ${NM} --defined-only ${ARGN} OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[0-9a-f]+ [WVu] [^\n]+" lines "${listing}")
  list(TRANSFORM lines REPLACE "^[0-9a-f]+ [WVu] " "")
  list(REMOVE_DUPLICATES lines)
  set(${result} "${lines}" PARENT_SCOPE)
endfunction()

weak_symbols(base ${BASE})
weak_symbols(avx2 ${AVX2})
weak_symbols(avx512 ${AVX512})
list(LENGTH base num_base)
list(LENGTH avx2 num_avx2)
list(LENGTH avx512 num_avx512)
message(STATUS "weak symbols: ${num_base} base, ${num_avx2} avx2, ${num_avx512} avx512")

set(shared "")
foreach(pair "base;avx2" "base;avx512" "avx2;avx512")
  list(GET pair 0 one)
  list(GET pair 1 other)
  foreach(symbol IN LISTS ${one})
    # libgcc's anchor for exception handling data holds no code.
    if("${symbol}" IN_LIST ${other} AND NOT symbol STREQUAL "DW.ref.__gxx_personality_v0")
      list(APPEND shared "${one} and ${other}: ${symbol}")
    endif()
  endforeach()
endforeach()
if(shared)
  list(JOIN shared "\n  " shared)
  message(FATAL_ERROR "weak symbols shared by two SIMD levels:\n  ${shared}")
endif()
