# Install rules: component runtime (the shared library) and development (headers, static library,
# CMake package, pkg-config file). The result can be moved: no absolute path is written into it.
include(CMakePackageConfigHelpers)

set(TENSORGRAD_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/tensorgrad" CACHE STRING
    "Where the CMake package is installed")
mark_as_advanced(TENSORGRAD_CMAKE_DIR)

install(TARGETS tensorgrad EXPORT tensorgradTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime
                NAMELINK_COMPONENT development
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(TARGETS tensorgrad_static EXPORT tensorgradStaticTargets
        ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development
        INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/tensorgrad"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development
        FILES_MATCHING PATTERN "*.h")

# CMake package.
foreach(export IN ITEMS tensorgradTargets tensorgradStaticTargets)
  install(EXPORT ${export} NAMESPACE tensorgrad:: DESTINATION "${TENSORGRAD_CMAKE_DIR}"
          COMPONENT development)
endforeach()
configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/tensorgradConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/tensorgradConfig.cmake"
  INSTALL_DESTINATION "${TENSORGRAD_CMAKE_DIR}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/tensorgradConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/tensorgradConfig.cmake"
              "${PROJECT_BINARY_DIR}/tensorgradConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/TensorgradFindOpenBLAS.cmake"
        DESTINATION "${TENSORGRAD_CMAKE_DIR}" COMPONENT development)

# pkg-config. Paths relative to the file itself where the layout allows it.
function(tensorgrad_pc_path variable directory)
  if(IS_ABSOLUTE "${directory}")
    set(${variable} "${directory}" PARENT_SCOPE)
  else()
    set(${variable} "\${prefix}/${directory}" PARENT_SCOPE)
  endif()
endfunction()
tensorgrad_pc_path(TENSORGRAD_PC_LIBDIR "${CMAKE_INSTALL_LIBDIR}")
tensorgrad_pc_path(TENSORGRAD_PC_INCLUDEDIR "${CMAKE_INSTALL_INCLUDEDIR}")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(TENSORGRAD_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
else()
  file(RELATIVE_PATH tensorgrad_pc_up "/p/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/p")
  string(REGEX REPLACE "/$" "" tensorgrad_pc_up "${tensorgrad_pc_up}")
  set(TENSORGRAD_PC_PREFIX "\${pcfiledir}/${tensorgrad_pc_up}")
endif()
# What the static library needs. Not Requires.private: then `pkg-config --cflags tensorgrad` would
# fail wherever openblas.pc is absent, for users of the shared library too.
set(TENSORGRAD_PC_LIBS_PRIVATE "-lm -lpthread")
if(CMAKE_DL_LIBS)
  string(APPEND TENSORGRAD_PC_LIBS_PRIVATE " -l${CMAKE_DL_LIBS}")
endif()
if(TENSORGRAD_BLAS STREQUAL "openblas")
  set(tensorgrad_pc_blas "-lopenblas")
  set(tensorgrad_pc_plain FALSE)
  foreach(directory IN LISTS CMAKE_C_IMPLICIT_LINK_DIRECTORIES)
    if(EXISTS "${directory}/libopenblas.so" OR EXISTS "${directory}/libopenblas.a")
      set(tensorgrad_pc_plain TRUE)
    endif()
  endforeach()
  if(NOT tensorgrad_pc_plain AND EXISTS "${tensorgrad_blas_libraries}")
    get_filename_component(directory "${tensorgrad_blas_libraries}" DIRECTORY)
    set(tensorgrad_pc_blas "-L${directory} -lopenblas")
  endif()
  string(PREPEND TENSORGRAD_PC_LIBS_PRIVATE "${tensorgrad_pc_blas} ")
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/tensorgrad.pc.in"
               "${PROJECT_BINARY_DIR}/tensorgrad.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/tensorgrad.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT development)
