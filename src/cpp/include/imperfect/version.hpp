// SPDX-License-Identifier: BSD-3-Clause
/// \file
/// The version of the package: the only place where it is written. CMake and pyproject.toml both read it from here.
#pragma once

#define IMPERFECT_VERSION_MAJOR 0  ///< changes with what breaks programs, from 1 on
#define IMPERFECT_VERSION_MINOR 1  ///< changes with what is new; before 1.0 also with what breaks programs
#define IMPERFECT_VERSION_PATCH 0  ///< changes with what is mended
#define IMPERFECT_VERSION "0.1.0"  ///< all three
