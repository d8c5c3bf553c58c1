# SPDX-License-Identifier: BSD-3-Clause
#
# The warnings our own code is held to.
function(imperfect_set_warnings target)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 $<$<BOOL:${IMPERFECT_WERROR}>:/WX>)
  else()
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion
      -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast> $<$<BOOL:${IMPERFECT_WERROR}>:-Werror>)
  endif()
endfunction()
