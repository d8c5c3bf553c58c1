// SPDX-License-Identifier: BSD-3-Clause
//
// Refusing bad input: every message names the field, its value and what is allowed.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace imperfect {

/// Throws std::invalid_argument with all parts joined.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw std::invalid_argument(message.str());
}

/// Throws unless `ok`; the parts are only formatted when it fails.
template <class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) fail(parts...);
}

}  // namespace imperfect
