# SPDX-License-Identifier: BSD-3-Clause
#
# The kernels, compiled once for each SIMD level: an object library with the level's flags, its own namespace (IMPERFECT_ISA)
# and Eigen renamed, so that no inline function of one level can ever stand in for that of another.
set(IMPERFECT_KERNEL_SOURCES
  ${PROJECT_SOURCE_DIR}/src/cpp/kernels/bit_serial.cpp ${PROJECT_SOURCE_DIR}/src/cpp/kernels/integer_tables.cpp
  ${PROJECT_SOURCE_DIR}/src/cpp/kernels/cells.cpp ${PROJECT_SOURCE_DIR}/src/cpp/kernels/circuit.cpp
  ${PROJECT_SOURCE_DIR}/src/cpp/kernels/drift.cpp ${PROJECT_SOURCE_DIR}/src/cpp/kernels/fold.cpp
  ${PROJECT_SOURCE_DIR}/src/cpp/kernels/gates.cpp
  ${PROJECT_SOURCE_DIR}/src/cpp/kernels/eliminate.cpp ${PROJECT_SOURCE_DIR}/src/cpp/kernels/leaves.cpp
  ${PROJECT_SOURCE_DIR}/src/cpp/kernels/inputs.cpp ${PROJECT_SOURCE_DIR}/src/cpp/kernels/lines.cpp
  ${PROJECT_SOURCE_DIR}/src/cpp/kernels/multiply.cpp
  ${PROJECT_SOURCE_DIR}/src/cpp/kernels/noise_products.cpp ${PROJECT_SOURCE_DIR}/src/cpp/kernels/read_noise.cpp
  ${PROJECT_SOURCE_DIR}/src/cpp/kernels/random_fill.cpp ${PROJECT_SOURCE_DIR}/src/cpp/kernels/table.cpp)

function(imperfect_add_level target level)
  set(library imperfect_kernels_${level})
  add_library(${library} OBJECT ${IMPERFECT_KERNEL_SOURCES})
  target_include_directories(${library} PRIVATE ${PROJECT_SOURCE_DIR}/src/cpp)
  target_include_directories(${library} SYSTEM PRIVATE $<TARGET_PROPERTY:Eigen3::Eigen,INTERFACE_INCLUDE_DIRECTORIES>)
  target_compile_definitions(${library} PRIVATE IMPERFECT_ISA=${level} Eigen=Eigen_${level} EIGEN_DONT_PARALLELIZE
                             EIGEN_MPL2_ONLY EIGEN_NO_DEBUG)
  # Why optimised in every configuration: an inline function of the standard library that is not inlined would be a weak
  # symbol shared by all levels. No contraction, so that draws have the same bits at every level; products ask for fused
  # multiply-adds by name.
  target_compile_options(${library} PRIVATE ${ARGN} -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off -fno-lto
                         $<$<CXX_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)
  imperfect_set_warnings(${library})
  # Vector types carry alignment attributes and are indexed with int throughout; GCC 12 finds its own AVX-512 intrinsics
  # uninitialised. None of this is a mistake here.
  target_compile_options(${library} PRIVATE -Wno-ignored-attributes -Wno-sign-conversion -Wno-maybe-uninitialized -Wno-uninitialized)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${library}>)
endfunction()

function(imperfect_add_kernels target)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
    imperfect_add_level(${target} base -march=x86-64-v2)
    imperfect_add_level(${target} avx2 -march=x86-64-v3)
    imperfect_add_level(${target} avx512 -march=x86-64-v4 -mprefer-vector-width=512)
    target_compile_definitions(${target} PRIVATE IMPERFECT_X86_LEVELS)
  else()
    imperfect_add_level(${target} base)
  endif()
endfunction()
