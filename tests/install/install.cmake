# A five-line program is built against the installed library in every way a user would build it.
# The installation is made with DESTDIR and then moved, so no path of this build can be in it.
set(consumer "${CMAKE_CURRENT_SOURCE_DIR}/install/consume.sh")
set(install_root "${CMAKE_CURRENT_BINARY_DIR}/install")

function(tensorgrad_consume name)
  add_test(NAME install/${name} COMMAND sh "${consumer}" ${name})
  set_tests_properties(install/${name} PROPERTIES
    LABELS install TIMEOUT 600 SKIP_RETURN_CODE 77
    ENVIRONMENT "SOURCE_DIR=${PROJECT_SOURCE_DIR};BUILD_DIR=${PROJECT_BINARY_DIR};\
ROOT=${install_root};CMAKE=${CMAKE_COMMAND};CC=${CMAKE_C_COMPILER};CONFIG=$<CONFIG>;\
PREFIX=${CMAKE_INSTALL_PREFIX};LIBDIR=${CMAKE_INSTALL_LIBDIR};BLAS=${TENSORGRAD_BLAS};\
VERSION=${PROJECT_VERSION};GENERATOR=${CMAKE_GENERATOR}")
  if(NOT name STREQUAL "stage" AND NOT name MATCHES "^add_subdirectory")
    set_tests_properties(install/${name} PROPERTIES FIXTURES_REQUIRED tensorgrad_installed)
  endif()
endfunction()

tensorgrad_consume(stage)
set_tests_properties(install/stage PROPERTIES FIXTURES_SETUP tensorgrad_installed)
tensorgrad_consume(components)
foreach(kind IN ITEMS shared static)
  tensorgrad_consume(find_package_${kind})
  tensorgrad_consume(pkg_config_${kind})
endforeach()
# One test for both kinds: the library is compiled again here.
tensorgrad_consume(add_subdirectory)
