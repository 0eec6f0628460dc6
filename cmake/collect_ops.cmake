# Collects the ops from their blocks in src/ops/*.c into two headers.
#
#   cmake -DSOURCE_DIR=src/ops -DOUTPUT_DIR=build/generated -P collect_ops.cmake
#
# An op is declared by `TG_OP(name, ...` at the start of a line, and its samples by a
# `TG_SAMPLES(name, ...` block at the start of a line that ends in `);` at the end of a line.
#
#   op_list.h     one line TG_OP_X(name) per op, files in the order of their names
#   op_samples.h  the TG_SAMPLES blocks as they stand
#
# A header is rewritten only when its text changes, so nothing is recompiled in vain.
cmake_minimum_required(VERSION 3.16)

file(GLOB sources "${SOURCE_DIR}/*.c")
list(SORT sources)

set(list_text "/* op_list.h - every op; made by cmake/collect_ops.cmake, do not edit. */\n")
set(samples_text "/* op_samples.h - samples of every op; made by cmake/collect_ops.cmake, do not edit. */\n")
set(ops "")
set(sampled "")

foreach(source IN LISTS sources)
  get_filename_component(file_name "${source}" NAME)

  # The text holds semicolons, brackets and backslashes: it is cut with FIND and SUBSTRING as it is,
  # and never becomes a CMake list.
  file(READ "${source}" text)
  set(text "\n${text}\n")

  set(rest "${text}")
  while(TRUE)
    string(FIND "${rest}" "\nTG_OP(" start)
    if(start EQUAL -1)
      break()
    endif()
    math(EXPR start "${start} + 1")
    string(SUBSTRING "${rest}" ${start} -1 rest)
    string(SUBSTRING "${rest}" 0 80 beginning)
    if(NOT beginning MATCHES "^TG_OP\\(([a-z_][a-z0-9_]*),")
      message(FATAL_ERROR "src/ops/${file_name}: expected TG_OP(name, with the name on the same "
                          "line, at: ${beginning}")
    endif()
    set(name "${CMAKE_MATCH_1}")
    if(name IN_LIST ops)
      message(FATAL_ERROR "src/ops/${file_name}: the op '${name}' is declared twice")
    endif()
    list(APPEND ops "${name}")
    string(APPEND list_text "TG_OP_X(${name})\n")
  endwhile()

  set(rest "${text}")
  while(TRUE)
    string(FIND "${rest}" "\nTG_SAMPLES(" start)
    if(start EQUAL -1)
      break()
    endif()
    math(EXPR start "${start} + 1")
    string(SUBSTRING "${rest}" ${start} -1 rest)
    string(FIND "${rest}" ");\n" end)
    string(SUBSTRING "${rest}" 0 80 beginning)
    if(end EQUAL -1 OR NOT beginning MATCHES "^TG_SAMPLES\\(([a-z_][a-z0-9_]*)[,)]")
      message(FATAL_ERROR "src/ops/${file_name}: expected TG_SAMPLES(name, ... ); with ); at the "
                          "end of a line, at: ${beginning}")
    endif()
    set(name "${CMAKE_MATCH_1}")
    math(EXPR end "${end} + 2")
    string(SUBSTRING "${rest}" 0 ${end} block)
    string(SUBSTRING "${rest}" ${end} -1 rest)
    if(NOT name IN_LIST ops)
      message(FATAL_ERROR "src/ops/${file_name}: TG_SAMPLES(${name}, ...) without "
                          "TG_OP(${name}, ...) in this file or an earlier one")
    endif()
    if(name IN_LIST sampled)
      message(FATAL_ERROR "src/ops/${file_name}: TG_SAMPLES(${name}, ...) stands twice")
    endif()
    list(APPEND sampled "${name}")
    string(APPEND samples_text "${block}\n")
  endwhile()
endforeach()

function(write_if_changed path text)
  set(present "")
  if(EXISTS "${path}")
    file(READ "${path}" present)
  endif()
  if(NOT EXISTS "${path}" OR NOT present STREQUAL text)
    file(WRITE "${path}" "${text}")
  endif()
endfunction()
write_if_changed("${OUTPUT_DIR}/op_list.h" "${list_text}")
write_if_changed("${OUTPUT_DIR}/op_samples.h" "${samples_text}")
