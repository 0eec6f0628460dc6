# Checks of the project itself, by shell scripts that need nothing but what a C compiler comes with.
set(checks "${CMAKE_CURRENT_SOURCE_DIR}/project")

function(tensorgrad_check name)
  add_test(NAME project/${name} COMMAND sh ${ARGN})
  set_tests_properties(project/${name} PROPERTIES LABELS project TIMEOUT 300 SKIP_RETURN_CODE 77)
endfunction()

tensorgrad_check(layers "${checks}/layers.sh" "${PROJECT_SOURCE_DIR}")
tensorgrad_check(mirror "${checks}/mirror.sh" "${PROJECT_SOURCE_DIR}")
tensorgrad_check(hygiene "${checks}/hygiene.sh" "${PROJECT_SOURCE_DIR}")
tensorgrad_check(exports "${checks}/exports.sh" "${PROJECT_SOURCE_DIR}" $<TARGET_FILE:tensorgrad>
                 "${CMAKE_NM}")
file(GENERATE OUTPUT "${CMAKE_CURRENT_BINARY_DIR}/objects.txt"
     CONTENT "$<JOIN:$<TARGET_OBJECTS:tensorgrad_objects>,\n>\n")
tensorgrad_check(forbidden "${checks}/forbidden.sh" "${CMAKE_CURRENT_BINARY_DIR}/objects.txt"
                 "${CMAKE_NM}")
tensorgrad_check(headers_c11 "${checks}/headers.sh" "${PROJECT_SOURCE_DIR}" c
                 "${CMAKE_C_COMPILER}")
tensorgrad_check(headers_cxx17 "${checks}/headers.sh" "${PROJECT_SOURCE_DIR}" c++)
if(tensorgrad_sanitizers)
  set(sanitize "-fsanitize=${tensorgrad_sanitizers}")
else()
  # Not with sanitizers: the C++ compiler that is found may bring other ones than the C compiler's.
  tensorgrad_check(macros_cxx17 "${checks}/macros.sh" "${PROJECT_SOURCE_DIR}" c++
                   "${CMAKE_C_COMPILER}" $<TARGET_FILE:tensorgrad>)
endif()
tensorgrad_check(macros_c11 "${checks}/macros.sh" "${PROJECT_SOURCE_DIR}" c "${CMAKE_C_COMPILER}"
                 $<TARGET_FILE:tensorgrad> "${sanitize}")
tensorgrad_check(readme "${checks}/readme.sh" "${PROJECT_SOURCE_DIR}" "${CMAKE_C_COMPILER}"
                 $<TARGET_FILE:tensorgrad> "${sanitize}")
tensorgrad_check(generated "${PROJECT_SOURCE_DIR}/scripts/regen.sh" --check)
tensorgrad_check(sites "${PROJECT_SOURCE_DIR}/scripts/sites.sh" --check)
tensorgrad_check(collect_ops "${checks}/collect_ops.sh" "${PROJECT_SOURCE_DIR}" "${CMAKE_COMMAND}")
tensorgrad_check(self "${checks}/self.sh" "${PROJECT_SOURCE_DIR}" "${CMAKE_C_COMPILER}"
                 "${CMAKE_NM}")
