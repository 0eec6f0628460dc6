# Finds cmocka, the unit-test library, and wraps it in one imported target, tensorgrad_cmocka.
# Version 1.1.5 ships a CMake package with variables only, newer ones the target cmocka::cmocka.
find_package(cmocka CONFIG QUIET)
if(TARGET cmocka::cmocka)
  set(tensorgrad_cmocka_library cmocka::cmocka)
  set(tensorgrad_cmocka_include "")
elseif(EXISTS "${CMOCKA_LIBRARY}" AND IS_DIRECTORY "${CMOCKA_INCLUDE_DIR}")
  set(tensorgrad_cmocka_library "${CMOCKA_LIBRARY}")
  set(tensorgrad_cmocka_include "${CMOCKA_INCLUDE_DIR}")
else()
  find_library(TENSORGRAD_CMOCKA_LIBRARY NAMES cmocka)
  find_path(TENSORGRAD_CMOCKA_INCLUDE_DIR NAMES cmocka.h)
  mark_as_advanced(TENSORGRAD_CMOCKA_LIBRARY TENSORGRAD_CMOCKA_INCLUDE_DIR)
  set(tensorgrad_cmocka_library "${TENSORGRAD_CMOCKA_LIBRARY}")
  set(tensorgrad_cmocka_include "${TENSORGRAD_CMOCKA_INCLUDE_DIR}")
  if(NOT tensorgrad_cmocka_library OR NOT tensorgrad_cmocka_include)
    message(FATAL_ERROR
      "tensorgrad: the tests need cmocka, which was not found.\n"
      "  Debian, Ubuntu: apt-get install libcmocka-dev      Fedora: dnf install libcmocka-devel\n"
      "  Arch: pacman -S cmocka                             Alpine: apk add cmocka-dev\n"
      "To build without the tests: -DTENSORGRAD_BUILD_TESTS=OFF")
  endif()
endif()
add_library(tensorgrad_cmocka INTERFACE IMPORTED)
set_target_properties(tensorgrad_cmocka PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${tensorgrad_cmocka_include}"
  INTERFACE_LINK_LIBRARIES "${tensorgrad_cmocka_library}")
