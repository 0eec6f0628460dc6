# Checks the OpenBLAS that was found by compiling against it: that it is OpenBLAS at all, that its
# integers have 32 bits, which variant it is, and which newer functions it has.

if(NOT TENSORGRAD_OPENBLAS_FOUND)
  message(FATAL_ERROR
    "tensorgrad: OpenBLAS was not found (looked for its CMake package, pkg-config 'openblas', and "
    "libopenblas with cblas.h).\n"
    "  Debian, Ubuntu: apt-get install libopenblas-dev    Fedora: dnf install openblas-devel\n"
    "  Arch: pacman -S openblas                           Alpine: apk add openblas-dev\n"
    "If it is in an unusual place, give -DCMAKE_PREFIX_PATH=<that place>.\n"
    "To build without it (slow matrix products): -DTENSORGRAD_BLAS=reference")
endif()

# Probe again when the library that was found is another one, and not otherwise.
set(tensorgrad_blas_probe "${tensorgrad_blas_libraries}|${TENSORGRAD_OPENBLAS_HOW}")
if(NOT TENSORGRAD_OPENBLAS_PROBED STREQUAL tensorgrad_blas_probe)
  unset(TENSORGRAD_OPENBLAS_RUNS CACHE)
  unset(TENSORGRAD_OPENBLAS_LINKS CACHE)
  set(tensorgrad_probe_source "${PROJECT_SOURCE_DIR}/cmake/probe_openblas.c")
  if(CMAKE_CROSSCOMPILING)
    try_compile(TENSORGRAD_OPENBLAS_LINKS "${PROJECT_BINARY_DIR}/probe" "${tensorgrad_probe_source}"
                LINK_LIBRARIES tensorgrad::openblas OUTPUT_VARIABLE tensorgrad_probe_log)
    set(tensorgrad_probe_text "variant not known: cross-compiling")
  else()
    try_run(TENSORGRAD_OPENBLAS_RUNS TENSORGRAD_OPENBLAS_LINKS "${PROJECT_BINARY_DIR}/probe"
            "${tensorgrad_probe_source}" LINK_LIBRARIES tensorgrad::openblas
            COMPILE_OUTPUT_VARIABLE tensorgrad_probe_log RUN_OUTPUT_VARIABLE tensorgrad_probe_text)
  endif()
  if(NOT TENSORGRAD_OPENBLAS_LINKS)
    if(tensorgrad_probe_log MATCHES "TENSORGRAD_ILP64")
      message(FATAL_ERROR
        "tensorgrad: this OpenBLAS (${tensorgrad_blas_libraries}) is built with 64-bit integers "
        "(ILP64), which would read our 32-bit arguments as garbage. Install the ordinary build "
        "(Debian: libopenblas-dev), or use -DTENSORGRAD_BLAS=reference.")
    endif()
    message(FATAL_ERROR
      "tensorgrad: a program using the OpenBLAS that was found (${tensorgrad_blas_libraries}) does "
      "not build. The compiler said:\n${tensorgrad_probe_log}")
  endif()
  if(NOT CMAKE_CROSSCOMPILING AND NOT TENSORGRAD_OPENBLAS_RUNS EQUAL 0)
    message(FATAL_ERROR
      "tensorgrad: the OpenBLAS that was found (${tensorgrad_blas_libraries}) cannot be used: "
      "${tensorgrad_probe_text} (exit ${TENSORGRAD_OPENBLAS_RUNS})")
  endif()
  string(STRIP "${tensorgrad_probe_text}" tensorgrad_probe_text)
  set(TENSORGRAD_OPENBLAS_VARIANT "${tensorgrad_probe_text}" CACHE INTERNAL "")
  set(TENSORGRAD_OPENBLAS_PROBED "${tensorgrad_blas_probe}" CACHE INTERNAL "")
  unset(TENSORGRAD_HAVE_OPENBLAS_SET_NUM_THREADS_LOCAL CACHE)
  unset(TENSORGRAD_HAVE_CBLAS_GEMM_BATCH CACHE)
endif()

include(CheckSymbolExists)
function(tensorgrad_probe_openblas_symbols)
  set(CMAKE_REQUIRED_LIBRARIES tensorgrad::openblas)
  set(CMAKE_REQUIRED_QUIET ON)
  check_symbol_exists(openblas_set_num_threads_local cblas.h
                      TENSORGRAD_HAVE_OPENBLAS_SET_NUM_THREADS_LOCAL) # 0.3.27
  check_symbol_exists(cblas_sgemm_batch cblas.h TENSORGRAD_HAVE_CBLAS_GEMM_BATCH) # 0.3.28
endfunction()
tensorgrad_probe_openblas_symbols()

message(STATUS "tensorgrad: BLAS: ${TENSORGRAD_OPENBLAS_VARIANT}")
message(STATUS "tensorgrad: BLAS found by ${TENSORGRAD_OPENBLAS_HOW}: ${tensorgrad_blas_libraries}")
