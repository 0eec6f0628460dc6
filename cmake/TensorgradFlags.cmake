# Compiler flags, applied target by target and never globally.
#
#   tensorgrad_compile_flags(target)   C11, warnings, sanitizers, coverage: every target of ours
#   tensorgrad_library_flags(target)   the above and what only library code gets

if(NOT CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "tensorgrad: the compiler is ${CMAKE_C_COMPILER_ID}; GCC or Clang is needed")
endif()
if(TENSORGRAD_SANITIZE MATCHES "thread" AND TENSORGRAD_SANITIZE MATCHES "address|leak")
  message(FATAL_ERROR "TENSORGRAD_SANITIZE=${TENSORGRAD_SANITIZE}: thread excludes address and leak")
endif()

set(tensorgrad_warnings
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wformat=2
    -Wimplicit-fallthrough -Wvla)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  list(APPEND tensorgrad_warnings -Wno-missing-field-initializers) # records leave out what is zero
endif()
string(REPLACE ";" "," tensorgrad_sanitizers "${TENSORGRAD_SANITIZE}")

function(tensorgrad_compile_flags target)
  set_target_properties(${target} PROPERTIES C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF)
  # Warnings are for those who can mend them: whoever embeds the library does not see them.
  if(TENSORGRAD_TOP_LEVEL OR TENSORGRAD_WERROR)
    target_compile_options(${target} PRIVATE ${tensorgrad_warnings})
  endif()
  if(TENSORGRAD_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(tensorgrad_sanitizers)
    target_compile_options(${target} PRIVATE -fsanitize=${tensorgrad_sanitizers}
                           -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${tensorgrad_sanitizers})
  endif()
  if(TENSORGRAD_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage -fprofile-update=atomic)
    target_link_options(${target} PRIVATE --coverage)
  endif()
endfunction()

function(tensorgrad_library_flags target)
  tensorgrad_compile_flags(${target})
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    C_VISIBILITY_PRESET hidden)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  # One rounding per operation on every machine; calls inside the library cannot be interposed.
  target_compile_options(${target} PRIVATE -ffp-contract=off -fno-semantic-interposition)
  # Deep graphs run on small stacks. Sanitizers and coverage enlarge frames, so they don't count.
  if(TENSORGRAD_WERROR AND NOT tensorgrad_sanitizers AND NOT TENSORGRAD_COVERAGE)
    target_compile_options(${target} PRIVATE -Wframe-larger-than=2048)
  endif()
endfunction()
