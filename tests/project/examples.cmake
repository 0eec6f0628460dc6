# Each example is a test: it must succeed and print what the end of its source says.
file(GLOB examples CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/examples/*.c")
foreach(source IN LISTS examples)
  get_filename_component(name "${source}" NAME_WE)
  add_test(NAME examples/${name}
           COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/project/run_example.sh" "${PROJECT_SOURCE_DIR}"
                   "${source}" $<TARGET_FILE:example_${name}> "${scratch}/example_${name}")
  tensorgrad_test_properties(examples/${name} "${source}" examples)
endforeach()
