// SPDX-License-Identifier: BSD-3-Clause
//
// The version of the package: the only place where it is written. CMake and pyproject.toml both read it from here.
#pragma once

#define IMPERFECT_VERSION_MAJOR 0
#define IMPERFECT_VERSION_MINOR 1
#define IMPERFECT_VERSION_PATCH 0
#define IMPERFECT_VERSION "0.1.0"
