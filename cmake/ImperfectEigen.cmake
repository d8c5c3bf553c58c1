# SPDX-License-Identifier: BSD-3-Clause
#
# Finds Eigen 3.4: the system's, or the headers of the build-time wheel cmeel-eigen, which pip puts below one of the prefixes
# in CMAKE_PREFIX_PATH, in a folder that CMake does not look into by itself. Only kernels use it, and only its headers.
option(IMPERFECT_SYSTEM_EIGEN "Use the system's Eigen if there is one" ON)
if(IMPERFECT_SYSTEM_EIGEN)
  find_package(Eigen3 3.4 QUIET NO_MODULE)
endif()
if(NOT TARGET Eigen3::Eigen)
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH)
    list(APPEND CMAKE_PREFIX_PATH ${prefix}/cmeel.prefix)
  endforeach()
  set(without_system)
  if(NOT IMPERFECT_SYSTEM_EIGEN)
    set(without_system NO_CMAKE_SYSTEM_PATH NO_SYSTEM_ENVIRONMENT_PATH)
  endif()
  find_package(Eigen3 3.4 REQUIRED NO_MODULE ${without_system})
endif()
message(STATUS "Eigen ${Eigen3_VERSION} from ${Eigen3_DIR}")
