# Finds OpenBLAS and wraps it in one imported target, tensorgrad::openblas.
#
# Used by our own build, and installed beside tensorgradConfig.cmake for those who link the static
# library. Order: OpenBLAS's CMake package, then pkg-config (if there is one), then a plain search.
# A hint for all three: CMAKE_PREFIX_PATH. Sets TENSORGRAD_OPENBLAS_FOUND and TENSORGRAD_OPENBLAS_HOW.

set(TENSORGRAD_OPENBLAS_FOUND FALSE)
set(TENSORGRAD_OPENBLAS_HOW "")
set(tensorgrad_blas_libraries "")
set(tensorgrad_blas_includes "")

if(TARGET tensorgrad::openblas)
  set(TENSORGRAD_OPENBLAS_FOUND TRUE)
  set(TENSORGRAD_OPENBLAS_HOW "target that exists already")
endif()

# 1. The CMake package. Debian's sets variables only; OpenBLAS's own build also defines a target, but
#    OpenBLAS_LIBRARIES may then hold things that are no file, such as "m".
if(NOT TENSORGRAD_OPENBLAS_FOUND)
  set(tensorgrad_blas_ours TRUE)
  if(TARGET OpenBLAS::OpenBLAS)
    set(tensorgrad_blas_ours FALSE)
  endif()
  find_package(OpenBLAS CONFIG QUIET)
  if(TARGET OpenBLAS::OpenBLAS)
    # Visible to whoever links tensorgrad_static from another directory. A target that was there
    # before is left as it is.
    if(tensorgrad_blas_ours)
      set_target_properties(OpenBLAS::OpenBLAS PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
    set(tensorgrad_blas_libraries OpenBLAS::OpenBLAS)
    set(tensorgrad_blas_includes ${OpenBLAS_INCLUDE_DIRS})
  elseif(OpenBLAS_FOUND)
    foreach(tensorgrad_blas_candidate IN LISTS OpenBLAS_LIBRARY OpenBLAS_LIBRARIES)
      if(EXISTS "${tensorgrad_blas_candidate}" AND NOT IS_DIRECTORY "${tensorgrad_blas_candidate}")
        set(tensorgrad_blas_libraries "${tensorgrad_blas_candidate}")
        set(tensorgrad_blas_includes ${OpenBLAS_INCLUDE_DIRS})
        break()
      endif()
    endforeach()
  endif()
  if(tensorgrad_blas_libraries)
    set(TENSORGRAD_OPENBLAS_HOW "CMake package in ${OpenBLAS_DIR}")
  endif()
endif()

# 2. pkg-config, which not every machine has.
if(NOT TENSORGRAD_OPENBLAS_FOUND AND NOT tensorgrad_blas_libraries)
  find_package(PkgConfig QUIET)
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(tensorgrad_pc_openblas QUIET openblas)
    if(tensorgrad_pc_openblas_FOUND)
      set(tensorgrad_blas_libraries ${tensorgrad_pc_openblas_LINK_LIBRARIES})
      set(tensorgrad_blas_includes ${tensorgrad_pc_openblas_INCLUDE_DIRS})
      set(TENSORGRAD_OPENBLAS_HOW "pkg-config")
    endif()
  endif()
endif()

# 3. A plain search.
if(NOT TENSORGRAD_OPENBLAS_FOUND AND NOT tensorgrad_blas_libraries)
  find_library(TENSORGRAD_OPENBLAS_LIBRARY NAMES openblas
               PATH_SUFFIXES openblas openblas-pthread openblas-openmp)
  find_path(TENSORGRAD_OPENBLAS_INCLUDE_DIR NAMES cblas.h
            PATH_SUFFIXES openblas openblas-pthread openblas-openmp)
  mark_as_advanced(TENSORGRAD_OPENBLAS_LIBRARY TENSORGRAD_OPENBLAS_INCLUDE_DIR)
  if(TENSORGRAD_OPENBLAS_LIBRARY AND TENSORGRAD_OPENBLAS_INCLUDE_DIR)
    set(tensorgrad_blas_libraries "${TENSORGRAD_OPENBLAS_LIBRARY}")
    set(tensorgrad_blas_includes "${TENSORGRAD_OPENBLAS_INCLUDE_DIR}")
    set(TENSORGRAD_OPENBLAS_HOW "search of the library directories")
  endif()
endif()

if(tensorgrad_blas_libraries)
  add_library(tensorgrad::openblas INTERFACE IMPORTED GLOBAL)
  # Directories that do not exist would make CMake refuse the target.
  set(tensorgrad_blas_existing "")
  foreach(tensorgrad_blas_candidate IN LISTS tensorgrad_blas_includes)
    if(IS_DIRECTORY "${tensorgrad_blas_candidate}")
      list(APPEND tensorgrad_blas_existing "${tensorgrad_blas_candidate}")
    endif()
  endforeach()
  set_target_properties(tensorgrad::openblas PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${tensorgrad_blas_existing}"
    INTERFACE_LINK_LIBRARIES "${tensorgrad_blas_libraries}")
  set(TENSORGRAD_OPENBLAS_FOUND TRUE)
endif()

unset(tensorgrad_blas_candidate)
unset(tensorgrad_blas_existing)
unset(tensorgrad_blas_includes)
unset(tensorgrad_blas_ours)
