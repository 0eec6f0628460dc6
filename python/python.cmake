# The Python package in CTest. Included by tests/CMakeLists.txt; skipped where python3 or pytest is
# missing. Not with sanitizers: their libraries do not load into a Python that was built without.
if(NOT tensorgrad_sanitizers)
  foreach(what IN ITEMS example tests)
    add_test(NAME python/${what}
             COMMAND sh "${PROJECT_SOURCE_DIR}/python/tests/ctest.sh" ${what} "${PROJECT_SOURCE_DIR}"
                     $<TARGET_FILE:tensorgrad>)
    set_tests_properties(python/${what} PROPERTIES
      LABELS python TIMEOUT 900 SKIP_RETURN_CODE 77)
  endforeach()
endif()
