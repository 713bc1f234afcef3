# cmake -DCASE=FILE -DCOMPILER=CXX -DINCLUDES=DIR;DIR -P check_case.cmake
# Compiles FILE as it is and with -DSPANKEY_BREAK; see CMakeLists.txt.
get_filename_component(name ${CASE} NAME_WE)
set(command ${COMPILER} -std=c++20 -fsyntax-only -fdiagnostics-color=never)
foreach(directory IN LISTS INCLUDES)
  list(APPEND command -I${directory})
endforeach()

file(STRINGS ${CASE} message REGEX "^// message: ")
string(REGEX REPLACE "^// message: " "" message "${message}")
if(message STREQUAL "")
  message(FATAL_ERROR "compile_fail: ${name}: the case has no line '// message: REGEX'")
endif()

execute_process(COMMAND ${command} ${CASE} RESULT_VARIABLE status ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "compile_fail: ${name}: the correct half does not compile:\n${output}")
endif()

execute_process(COMMAND ${command} -DSPANKEY_BREAK ${CASE} RESULT_VARIABLE status ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "compile_fail: ${name}: the broken half compiles")
endif()
# The sentence comes first: nobody should have to search for it. (Brackets and semicolons would split CMake lists.)
string(REGEX MATCH "error: [^\n]*" first "${output}")
if(NOT first MATCHES "${message}")
  message(FATAL_ERROR "compile_fail: ${name}: expected first: ${message}\ngot: ${first}\nin full:\n${output}")
endif()
